// The bar under the gallery: where one stands, and the way out.
//
// A click sends a wish to Python, which answers in data.download: a token, or why not. How
// far the ZIP is, is then asked of the server by that token, so that a long one costs no
// rerun of the page. `job` is the one download that the bar is about:
// asking -> preparing -> ready | failed | gone, or asking -> failed | missing.

class Bar {
  constructor(gallery, send) {
    this.gallery = gallery;
    this.send = send;
    this.job = null;
    this.dropped = new Set(); // wishes that were cancelled before Python had answered
    this.heard = new Set(); // answers that were acted on: each comes again with every rerun
    this.count = element("span", { class: "count", role: "status" });
    this.all = element("button", { type: "button", class: "plain", onclick: () => gallery.pickAll() }, "Select all");
    this.none = element("button", { type: "button", class: "plain", onclick: () => gallery.pickNone() }, "Clear");
    this.stage = element("span", { class: "quiet" });
    this.meter = element("progress", { max: 1, value: 0, "aria-label": "Making the ZIP" });
    this.stop = element("button", { type: "button", class: "plain", onclick: () => this.cancel() }, "Cancel");
    this.complaint = element("span", { class: "missing", role: "alert" });
    this.note = element("span", { class: "quiet" });
    this.save = element("a", { class: "primary" });
    this.offer = element("button", { type: "button", class: "primary", onclick: () => this.wish(this.chosenIds(), false) });
    this.action = element("div", { class: "action" }, this.complaint, this.stage, this.meter, this.stop, this.note, this.save, this.offer);
    this.node = element("div", { class: "bar" }, this.count, this.all, this.none, this.action);
    this.question = element("dialog", { class: "question", "aria-label": "Pictures that cannot be had" });
  }

  chosenIds() {
    return this.gallery.chosen().map((item) => item.id);
  }

  refresh() {
    const { items, total, picked, download } = this.gallery;
    const chosen = picked.size ? ` · ${grouped(picked.size)} selected` : "";
    this.count.textContent = `${grouped(items.length)} of ${grouped(total)}${chosen}`;
    this.all.hidden = picked.size === items.length;
    this.none.hidden = picked.size === 0;
    if (download) this.hear(download);
    this.draw();
  }

  // Everything stays in place and is only shown or hidden: a redraw never takes a click or the focus.
  draw() {
    const job = this.job;
    const isBusy = job?.state === "asking" || job?.state === "preparing";
    const isOfThis = job?.request === this.gallery.requestKey();
    const isReady = !isBusy && isOfThis && job.state === "ready";
    for (const part of [this.stage, this.meter, this.stop]) part.hidden = !isBusy;
    this.save.hidden = !isReady;
    this.note.hidden = !(isReady && job.note);
    this.offer.hidden = isBusy || isReady;
    this.complaint.hidden = !(isOfThis && job.error && !isBusy);
    if (isBusy) this.drawProgress(job);
    if (isReady) this.drawSave(job);
    if (!this.complaint.hidden) setText(this.complaint, job.error);
    this.drawOffer();
  }

  drawProgress({ done = 0, total = 0, waiting = 0 }) {
    const share = total ? done / total : 0;
    this.meter.value = share;
    const queued = `Waiting for ${plural(waiting, "other download", "other downloads")}`;
    setText(this.stage, waiting ? queued : `Making the ZIP, ${Math.round(100 * share)}%`);
  }

  drawSave({ url, filename, bytes, note }) {
    this.save.href = url;
    this.save.download = filename;
    setText(this.save, `Save ${filename}, ${readableBytes(bytes)}`);
    setText(this.note, note || "");
  }

  drawOffer() {
    const chosen = this.gallery.chosen();
    const bytes = chosen.reduce((sum, item) => sum + item.bytes, this.gallery.baseBytes);
    const what = this.gallery.picked.size ? ` of ${plural(chosen.length, "picture", "pictures")}` : "";
    setText(this.offer, `Download ZIP${what}, ${readableBytes(bytes)}`);
    this.offer.disabled = chosen.length === 0;
  }

  wish(ids, goOn, request = this.gallery.requestKey()) {
    const id = `${Date.now()}-${Math.random()}`;
    this.job = { id, request, ids, state: "asking" };
    this.send("download", { id, request, ids, go_on: goOn });
    this.draw();
  }

  // Python's answer to the wish at hand, or, when the page comes back, to an earlier one.
  hear(answer) {
    if (this.dropped.has(answer.id)) {
      if (answer.status) fetch(answer.status, { method: "DELETE" });
      this.dropped.delete(answer.id);
      return;
    }
    const isAwaited = this.job?.state === "asking" && this.job.id === answer.id;
    const isEarlier = this.job === null && answer.token && !this.heard.has(answer.id);
    if (!isAwaited && !isEarlier) return;
    this.heard.add(answer.id);
    this.job = { ...answer, savesItself: isAwaited, state: answer.token ? "preparing" : answer.error ? "failed" : "missing" };
    if (answer.token) this.follow(this.job);
    else if (answer.missing) this.ask(this.job);
  }

  async follow(job) {
    while (job.state === "preparing") {
      const response = await fetch(job.status).catch(() => null);
      if (response?.status === 404) job.state = "gone";
      else if (response?.ok && job.state === "preparing") Object.assign(job, await response.json());
      if (this.job !== job) return;
      this.draw();
      if (job.state === "preparing") await new Promise((resolve) => setTimeout(resolve, 250));
    }
    if (!job.savesItself || this.job !== job) return;
    if (job.state === "ready") element("a", { href: job.url, download: job.filename }).click();
    else if (job.missing_count) this.ask(job);
  }

  cancel() {
    const job = this.job;
    this.job = null;
    if (job.status) fetch(job.status, { method: "DELETE" });
    else this.dropped.add(job.id);
    this.draw();
  }

  ask(job) {
    const list = job.missing.map(({ file, reason }) => element("li", {}, `${file}: ${reason}`));
    const rest = job.missing_count - job.missing.length;
    if (rest > 0) list.push(element("li", {}, `and ${grouped(rest)} more`));
    const left = job.ids.length - job.missing_count;
    const close = (then) => () => {
      this.question.close();
      then?.();
    };
    this.question.replaceChildren(
      element("h2", {}, `${grouped(job.missing_count)} of ${plural(job.ids.length, "picture", "pictures")} cannot be had`),
      element("ul", {}, ...list),
      element("p", {}, "The ZIP never lists a picture that it lacks. Stop here, or go on without these."),
      element(
        "div",
        { class: "buttons" },
        element("button", { type: "button", class: "plain", onclick: close() }, "Stop"),
        element("button", { type: "button", class: "primary", disabled: left === 0, onclick: close(() => this.wish(job.ids, true, job.request)) }, `Go on with ${grouped(left)}`),
      ),
    );
    this.question.showModal();
  }
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
