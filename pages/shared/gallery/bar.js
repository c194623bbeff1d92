// The bar under the gallery: where one stands, and the way out.
//
// Python plans a download and starts it (data.download); how far it is, is asked of the
// server by its token, so that a long one costs no rerun of the page.

class Bar {
  constructor(gallery, send) {
    this.gallery = gallery;
    this.send = send;
    this.count = element("span", { class: "count", role: "status" });
    this.all = element("button", { type: "button", class: "plain", onclick: () => gallery.pickAll() }, "Select all");
    this.none = element("button", { type: "button", class: "plain", onclick: () => gallery.pickNone() }, "Clear");
    this.action = element("div", { class: "action" });
    this.node = element("div", { class: "bar" }, this.count, this.all, this.none, this.action);
    this.question = element("dialog", { class: "question", "aria-label": "Pictures that cannot be had" });
    this.wanted = null; // the request that this person made here and that saves itself when ready
    this.progress = null; // what the server last said of the download
  }

  refresh() {
    const { items, total, picked } = this.gallery;
    const chosen = picked.size ? ` · ${grouped(picked.size)} selected` : "";
    this.count.textContent = `${grouped(items.length)} of ${grouped(total)}${chosen}`;
    this.all.hidden = picked.size === items.length;
    this.none.hidden = picked.size === 0;
    const answer = this.gallery.download;
    if (answer?.token && answer.token !== this.progress?.token) this.follow(answer);
    if (answer?.missing && answer.request === this.wanted) this.ask(answer);
    this.drawAction();
  }

  drawAction() {
    const answer = this.gallery.download;
    const asked = this.gallery.requestKey();
    let parts = this.offer();
    if (answer?.request === asked && answer.error) parts = [this.complaint(answer.error), ...parts];
    else if (answer?.request === asked && answer.token) {
      const { state, error } = this.progress;
      if (state === "ready") parts = this.ready(this.progress);
      else if (state === "failed") parts = [this.complaint(error), ...parts];
      else if (state === "preparing") parts = this.preparing(this.progress);
    } else if (this.wanted === asked && !answer?.missing) parts = this.preparing({ done: 0, total: 0 });
    this.action.replaceChildren(...parts);
  }

  complaint(text) {
    return element("span", { class: "missing", role: "alert" }, text);
  }

  offer() {
    const chosen = this.gallery.chosen();
    const bytes = chosen.reduce((sum, item) => sum + item.bytes, this.gallery.baseBytes);
    const what = this.gallery.picked.size ? ` of ${plural(chosen.length, "picture", "pictures")}` : "";
    const ids = chosen.map((item) => item.id);
    const text = `Download ZIP${what}, ${readableBytes(bytes)}`;
    return [element("button", { type: "button", class: "primary", disabled: !ids.length, onclick: () => this.request(ids, false) }, text)];
  }

  preparing({ done, total }) {
    const share = total ? done / total : 0;
    return [
      element("span", { class: "quiet" }, `Making the ZIP, ${Math.round(100 * share)}%`),
      element("progress", { max: 1, value: share, "aria-label": "Making the ZIP" }),
      element("button", { type: "button", class: "plain", onclick: () => this.cancel() }, "Cancel"),
    ];
  }

  ready({ url, filename, bytes, note }) {
    const anchor = element("a", { class: "primary", href: url, download: filename }, `Save ${filename}, ${readableBytes(bytes)}`);
    return [note ? element("span", { class: "quiet" }, note) : null, anchor].filter(Boolean);
  }

  request(ids, goOn) {
    this.wanted = this.gallery.requestKey();
    this.progress = null;
    this.send("download", { request: this.wanted, ids, go_on: goOn });
    this.drawAction();
  }

  cancel() {
    this.wanted = null;
    if (this.progress?.status) fetch(this.progress.status, { method: "DELETE" });
    this.drawAction();
  }

  async follow({ token, status, request }) {
    this.progress = { token, status, state: "preparing", done: 0, total: 0 };
    while (this.progress.token === token && this.progress.state === "preparing") {
      const response = await fetch(status).catch(() => null);
      if (this.progress.token !== token) return;
      if (response?.status === 404) this.progress.state = "gone";
      else if (response?.ok) Object.assign(this.progress, await response.json());
      this.drawAction();
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    if (this.progress.state === "ready" && this.wanted === request) {
      this.wanted = null;
      this.action.querySelector("a")?.click();
    }
  }

  ask(answer) {
    this.wanted = null;
    const list = answer.missing.map(({ file, reason }) => element("li", {}, `${file}: ${reason}`));
    const rest = answer.missing_count - answer.missing.length;
    if (rest > 0) list.push(element("li", {}, `and ${grouped(rest)} more`));
    const left = answer.ids.length - answer.missing_count;
    const close = (then) => () => {
      this.question.close();
      then?.();
    };
    this.question.replaceChildren(
      element("h2", {}, `${grouped(answer.missing_count)} of ${plural(answer.ids.length, "picture", "pictures")} cannot be had`),
      element("ul", {}, ...list),
      element("p", {}, "The ZIP never lists a picture that it lacks. Stop here, or go on without these."),
      element(
        "div",
        { class: "buttons" },
        element("button", { type: "button", class: "plain", onclick: close() }, "Stop"),
        element("button", { type: "button", class: "primary", disabled: left === 0, onclick: close(() => this.request(answer.ids, true)) }, `Go on with ${grouped(left)}`),
      ),
    );
    this.question.showModal();
  }
}
