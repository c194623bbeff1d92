"""Getting the real things: COCO's archives and pictures, checkpoints, vectors.

`fetch_file` has one file here, whole and checked, whatever interrupts it; the modules beside
it know what is to be had, unpack it and register it.
"""

from core.fetch.asking import Patience
from core.fetch.transfer import Remote, fetch_file, size_of

__all__ = ["Patience", "Remote", "fetch_file", "size_of"]
