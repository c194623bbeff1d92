"""Ask the server on this machine whether it lives: `python deploy/healthy.py [SECONDS]`.

Exit code 0 when it answers within so many seconds (a first try is always made), else 1 and one
line that says why. It reads the server's own variables, so it finds it on any port and sub-path,
with TLS of its own or without.
"""

import os
import ssl
import sys
import time
from urllib.error import URLError
from urllib.request import HTTPSHandler, ProxyHandler, build_opener


def main() -> int:
    """Try until the server lives or the time is up; return the exit code."""
    base = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")
    port = os.environ.get("STREAMLIT_SERVER_PORT", "8501")
    scheme = "https" if os.environ.get("STREAMLIT_SERVER_SSL_CERT_FILE") else "http"
    url = f"{scheme}://127.0.0.1:{port}/{base + '/' if base else ''}health/live"
    # Past any proxy that the environment names, and whatever name its certificate has: this is
    # the machine itself.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
    until = time.monotonic() + (float(sys.argv[1]) if len(sys.argv) > 1 else 0)
    while True:
        try:
            opener.open(url, timeout=4).close()
        except (URLError, OSError) as error:
            if time.monotonic() >= until:
                sys.stderr.write(f"{url}: {error}\n")
                return 1
            time.sleep(0.5)
        else:
            return 0


if __name__ == "__main__":
    sys.exit(main())
