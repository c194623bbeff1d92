// The bar under the gallery: where one stands, what to do with the selection, and the way out.
//
// A click sends a wish to Python, which answers in data.download: a token, or why not. How
// far the ZIP is, is then asked of the server by that token, so that a long one costs no
// rerun of the page. `job` is the one download that the bar is about:
// asking -> preparing -> ready | failed | gone, or asking -> failed | missing.
//
// "Options" has Python ask what leaves and how; what comes of it is answered like a download.
// `chosen` is the wish that the options are for. A subset that is saved alone makes no job
// in the end, only `news`.

const MOST_EXAMPLES = 12; // pictures that can be a query together

class Bar {
  constructor(gallery, send) {
    this.gallery = gallery;
    this.send = send;
    this.job = null;
    this.chosen = null;
    this.dropped = new Set(); // wishes that were cancelled before Python had answered
    this.heard = new Set(); // answers that were acted on: each comes again with every rerun
    const plain = (text, title, onclick) => element("button", { type: "button", class: "plain", title, onclick }, text);
    this.count = element("span", { class: "count", role: "status" });
    this.all = plain("Select all", "Select all (Ctrl A)", () => gallery.pickAll());
    this.invert = plain("Invert", "Select what is not selected, and the other way round (I)", () => gallery.invert());
    this.none = plain("Clear", "Select none (Shift A)", () => gallery.selection.clear());
    this.outside = plain("", "Forget the selected pictures that this result does not show", () => gallery.forgetOutside());
    this.back = plain("", "Take back what is left out", () => gallery.takeBackAll());
    this.like = plain("More like these", "Add the selected pictures to the query (L)", () => gallery.ask("like", [...gallery.selection.picked]));
    this.stage = element("span", { class: "quiet" });
    this.meter = element("progress", { max: 1, value: 0, "aria-label": "Making the ZIP" });
    this.stop = plain("Cancel", null, () => this.cancel());
    this.complaint = element("span", { class: "missing", role: "alert" });
    this.note = element("span", { class: "quiet" });
    this.news = element("a", { class: "quiet", hidden: true });
    this.save = element("a", { class: "primary" });
    this.offer = element("button", { type: "button", class: "primary", onclick: () => this.download(this.usual()) });
    this.choices = new Choices(() => [...this.options(), ...this.more()]);
    this.action = element("div", { class: "action" }, this.complaint, this.news, this.stage, this.meter, this.stop, this.note, this.save, element("span", { class: "split" }, this.offer, this.choices.node));
    const doings = element("div", { class: "doings" }, this.count, this.all, this.invert, this.none, this.outside, this.back, this.like);
    this.node = element("div", { class: "bar" }, doings, this.action);
    this.question = element("dialog", { class: "question", "aria-label": "Pictures that cannot be had" });
  }

  refresh() {
    const { gallery } = this;
    const { picked, excluded } = gallery.selection;
    const outside = gallery.outside().length;
    const left = gallery.excludedHere().length;
    const facts = [`${grouped(gallery.n)} of ${grouped(gallery.total)}`];
    if (picked.size) facts.push(`${grouped(picked.size)} selected`);
    if (outside) facts.push(`${grouped(outside)} outside this view`);
    if (left) facts.push(`${grouped(left)} left out`);
    setText(this.count, facts.join(" · "));
    setText(this.all, `Select all ${grouped(gallery.n - left)}`);
    const isAll = picked.size - outside >= gallery.n - left;
    this.all.hidden = isAll || (gallery.n > gallery.items.length && !gallery.rest);
    this.invert.hidden = picked.size === 0;
    this.none.hidden = picked.size === 0;
    this.outside.hidden = outside === 0;
    setText(this.outside, `Forget ${grouped(outside)} outside`);
    this.back.hidden = excluded.size === 0;
    setText(this.back, `Take back ${grouped(excluded.size)}`);
    this.like.hidden = !gallery.canRank || picked.size === 0 || picked.size > MOST_EXAMPLES;
    setText(this.like, picked.size === 1 ? "More like this" : "More like these");
    if (gallery.download) this.hear(gallery.download);
    this.draw();
  }

  // Everything stays in place and is only shown or hidden: a redraw never takes a click or the focus.
  draw() {
    const job = this.job;
    const isBusy = job?.state === "asking" || job?.state === "preparing";
    const options = this.options();
    const isOfThis = options.some((option) => option.request === job?.request);
    const isReady = !isBusy && isOfThis && job.state === "ready";
    for (const part of [this.stage, this.meter, this.stop]) part.hidden = !isBusy;
    this.save.hidden = !isReady;
    this.note.hidden = !(isReady && job.note);
    this.offer.hidden = isBusy || isReady;
    this.choices.node.hidden = isBusy || this.usual().count === 0;
    this.complaint.hidden = !(isOfThis && job.error && !isBusy);
    if (isBusy) this.drawProgress(job);
    if (isReady) this.drawSave(job);
    if (!this.complaint.hidden) setText(this.complaint, job.error);
    this.drawOffer();
  }

  drawProgress({ done = 0, total = 0, waiting = 0, save }) {
    const share = total ? done / total : 0;
    this.meter.value = share;
    const queued = `Waiting for ${plural(waiting, "other download", "other downloads")}`;
    setText(this.stage, save ? "Saving" : waiting ? queued : `Making the ZIP, ${Math.round(100 * share)}%`);
  }

  drawSave({ url, filename, bytes, note }) {
    this.save.href = url;
    this.save.download = filename;
    setText(this.save, `Save ${filename}, ${readableBytes(bytes)}`);
    setText(this.note, note || "");
  }

  drawOffer() {
    const { name, count, size, isAll } = this.usual();
    setText(this.offer, isAll ? `Download ZIP, ${size}` : `Download ZIP of ${plural(count, "picture", "pictures")}, ${size}`);
    this.offer.title = name;
    this.offer.disabled = count === 0;
  }

  // What can be downloaded; the usual one first.
  options() {
    const { gallery } = this;
    const { picked } = gallery.selection;
    const left = gallery.excludedHere();
    const options = [];
    if (picked.size) options.push(this.option(`The ${plural(picked.size, "selected picture", "selected pictures")}`, picked.size, gallery.bytesOf(picked), { ids: [...picked] }, packed(picked)));
    if (left.length) {
      const count = gallery.n - left.length;
      const bytes = gallery.bytesOfAll() - gallery.bytesOf(left) + gallery.baseBytes;
      options.push(this.option(`All but the ${grouped(left.length)} left out`, count, bytes, { all: true, except: left }, packIds(left)));
    }
    const all = this.option(`All ${plural(gallery.n, "picture", "pictures")} of this result`, gallery.n, gallery.bytesOfAll(), { all: true, except: [] }, "all");
    return [...options, { ...all, isAll: true }];
  }

  // What else can be done with the usual one.
  more() {
    const usual = this.usual();
    return [
      { name: "Name, format and other options", count: usual.count, choose: () => this.chooseFor(usual), isApart: true },
      { name: "Save in Subsets, without a ZIP", count: usual.count, choose: () => this.wish({ ...usual, save: true }, false) },
    ];
  }

  option(name, count, bytes, wanted, of) {
    const about = this.gallery.isEstimated ? "about " : "";
    const request = `${wanted.ids ? this.gallery.key : this.gallery.result}:${of}`;
    const option = { name, count, size: about + readableBytes(bytes), wanted, request };
    return { ...option, choose: () => this.download(option) };
  }

  usual() {
    return this.options()[0];
  }

  download({ wanted, request, count }) {
    this.wish({ wanted, request, count }, false);
  }

  wish({ wanted, request, count, options, save }, goOn) {
    const id = this.newWish();
    this.job = { id, wanted, request, count, options, save, state: "asking" };
    this.send("download", { id, request, count, options, save, go_on: goOn, ...wanted });
    this.draw();
  }

  chooseFor({ wanted, request, count }) {
    const id = this.newWish();
    this.chosen = { id, wanted, request, count };
    this.send("choose", { id, request, count, ...wanted });
  }

  newWish() {
    this.news.hidden = true;
    this.chosen = null;
    return `${Date.now()}-${Math.random()}`;
  }

  // Python's answer to the wish at hand, or, when the page comes back, to an earlier one.
  hear(answer) {
    if (this.dropped.has(answer.id)) {
      if (answer.status) fetch(answer.status, { method: "DELETE" });
      this.dropped.delete(answer.id);
      return;
    }
    const isChosen = this.chosen?.id === answer.id;
    if (isChosen) {
      this.job = { ...this.chosen, state: "asking" };
      this.chosen = null;
    }
    const isAwaited = this.job?.state === "asking" && this.job.id === answer.id;
    const isEarlier = this.job === null && answer.token && !this.heard.has(answer.id);
    if (!isAwaited && !isEarlier) return;
    this.heard.add(answer.id);
    if (answer.unknown) {
      this.job = null;
      this.gallery.forget(answer.unknown.map(idOf), answer.error);
      return;
    }
    if (answer.saved) {
      this.job = null;
      this.tell(answer);
      return;
    }
    this.job = { ...this.job, ...answer, savesItself: isAwaited, state: answer.token ? "preparing" : answer.error ? "failed" : "missing" };
    if (answer.token) this.follow(this.job);
    else if (answer.missing) this.ask(this.job);
  }

  // A subset was saved: its name leads to where it is.
  tell({ saved, entry }) {
    this.news.href = `${this.gallery.api.replace(/\/api$/, "")}/subsets?entry=${entry}`;
    setText(this.news, saved);
    this.news.hidden = false;
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
    const left = job.count - job.missing_count;
    const close = (then) => () => {
      this.question.close();
      then?.();
    };
    this.question.replaceChildren(
      element("h2", {}, `${grouped(job.missing_count)} of ${plural(job.count, "picture", "pictures")} cannot be had`),
      element("ul", {}, ...list),
      element("p", {}, "The ZIP never lists a picture that it lacks. Stop here, or go on without these."),
      element(
        "div",
        { class: "buttons" },
        element("button", { type: "button", class: "plain", onclick: close() }, "Stop"),
        element("button", { type: "button", class: "primary", disabled: left === 0, onclick: close(() => this.wish(job, true)) }, `Go on with ${grouped(left)}`),
      ),
    );
    this.question.showModal();
  }
}

// The small button beside the offer, and its list of what else can be downloaded.
class Choices {
  constructor(options) {
    this.options = options;
    this.toggle = element("button", { type: "button", class: "primary more", "aria-label": "Other downloads and options", "aria-expanded": "false", "aria-haspopup": "true", onclick: () => (this.list.hidden ? this.open() : this.close()) }, icon("M4 10l4-4 4 4"));
    this.list = element("div", { class: "choices", role: "group", "aria-label": "Download", hidden: true });
    this.node = element("span", { class: "choose", onkeydown: (event) => this.key(event), onfocusout: (event) => this.left(event) }, this.toggle, this.list);
  }

  open() {
    const button = ({ name, size, count, choose, isApart }) => {
      const chosen = () => {
        this.close();
        choose();
      };
      const sized = size ? element("span", { class: "quiet" }, size) : null;
      return element("button", { type: "button", class: isApart ? "apart" : null, disabled: count === 0, onclick: chosen }, element("span", {}, name), sized);
    };
    this.list.replaceChildren(...this.options().map(button));
    this.list.hidden = false;
    this.toggle.setAttribute("aria-expanded", "true");
    this.list.firstChild.focus();
  }

  close() {
    this.list.hidden = true;
    this.toggle.setAttribute("aria-expanded", "false");
  }

  left(event) {
    if (!this.node.contains(event.relatedTarget)) this.close();
  }

  key(event) {
    const buttons = [...this.list.querySelectorAll("button:enabled")];
    const here = buttons.indexOf(event.target);
    if (event.key === "Escape") {
      this.close();
      this.toggle.focus();
    } else if (event.key === "ArrowDown") buttons[(here + 1) % buttons.length]?.focus();
    else if (event.key === "ArrowUp") buttons.at(here - 1)?.focus();
    else return;
    event.preventDefault();
  }
}
