// One download: asks the server how far it is, saves it when it is ready, and says what came of it.

const saved = new Set(); // tokens whose file was saved by itself: once, whatever is redrawn

function readable(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

function make(tag, attributes, text = "") {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  return node;
}

class Saving {
  constructor(root, status) {
    this.node = root.querySelector(".saving");
    this.status = status;
    this.words = make("span", { role: "status" });
    this.meter = make("progress", { max: 1, value: 0, "aria-label": "Making the ZIP" });
    this.stop = make("button", { type: "button" }, "Cancel");
    this.stop.onclick = () => this.cancel();
    this.node.replaceChildren(this.words, this.meter, this.stop);
    this.follow();
  }

  async follow() {
    while (!this.isOver) {
      const response = await fetch(this.status).catch(() => null);
      const job = response ? await response.json().catch(() => null) : null;
      if (this.isOver) return;
      if (response?.status === 401) return this.end("You are not signed in any more. Reload the page.", "missing");
      if (response?.status === 404) return this.end(job?.error || "This download is not there any more.", "missing");
      if (job?.state === "ready") return this.ready(job);
      if (job?.state === "failed") return this.end(job.error, "missing");
      if (job?.state === "cancelled") return this.end("Cancelled.");
      if (job) this.draw(job);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }

  draw({ done, total, waiting }) {
    const share = total ? done / total : 0;
    this.meter.value = share;
    this.words.textContent = waiting ? `Waiting for ${waiting} other ${waiting === 1 ? "download" : "downloads"}` : `Making the ZIP, ${Math.round(100 * share)}%`;
  }

  ready({ url, filename, bytes, note, link: share }) {
    this.isOver = true;
    const link = make("a", { href: url, download: filename }, `Save ${filename}, ${readable(bytes)}`);
    this.words.textContent = note || "";
    this.node.replaceChildren(link, this.words);
    if (share) this.node.insertBefore(this.sharing(share), this.words);
    if (saved.has(this.status)) return;
    saved.add(this.status);
    link.click();
  }

  // A link for colleagues, made when it is asked for: without one the file is its asker's alone.
  sharing(address) {
    const button = make("button", { type: "button", title: "For colleagues who sign in here, for a day" }, "Copy a link to share");
    button.onclick = async () => {
      button.disabled = true;
      const response = await fetch(address, { method: "POST" }).catch(() => null);
      const made = response?.ok ? await response.json() : null;
      if (!made) {
        button.textContent = "No link could be made";
        return;
      }
      const link = new URL(made.url, window.location.href).href;
      const isCopied = await navigator.clipboard?.writeText(link).then(() => true, () => false);
      if (isCopied) button.textContent = "Link copied";
      else button.replaceWith(make("input", { class: "link", readonly: "", value: link, "aria-label": "Link to share" }));
    };
    return button;
  }

  end(text, kind = "") {
    this.isOver = true;
    this.words.className = kind;
    this.words.textContent = text;
    this.node.replaceChildren(this.words);
  }

  cancel() {
    fetch(this.status, { method: "DELETE" });
    this.end("Cancelled.");
  }
}

const shown = new WeakMap();

export default function render({ parentElement, data }) {
  if (shown.get(parentElement)?.status !== data.status) {
    const before = shown.get(parentElement);
    if (before) before.isOver = true;
    shown.set(parentElement, new Saving(parentElement, data.status));
  }
  return () => {
    const one = shown.get(parentElement);
    if (one) one.isOver = true;
    shown.delete(parentElement);
  };
}
