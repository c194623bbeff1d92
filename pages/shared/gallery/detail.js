// One picture large: zoom it, read its annotations, see what is like it, act on it.

// Strokes in a square of 16.
const ICONS = {
  previous: "M10 3 5 8l5 5",
  next: "M6 3l5 5-5 5",
  back: "M6 3 2.5 6.5 6 10M3 6.5h6.5a3.5 3.5 0 0 1 0 7H6",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  help: "M5.5 6a2.5 2.5 0 1 1 3.7 2.2C8.4 8.7 8 9.2 8 10.2M8 12.8v.4",
  plus: "M8 3.5v9M3.5 8h9",
  minus: "M3.5 8h9",
  whole: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
};

class Detail {
  constructor(gallery) {
    this.gallery = gallery;
    // Apart from those of the tiles: one opens a picture to see what is annotated in it.
    this.layers = { masks: true, boxes: true, keypoints: true };
    this.id = null;
    this.resultId = null; // the last one shown that is in the result
    this.trail = []; // where "Back" leads, after a look at a picture that is like one
    this.makeStage();
    this.makeSide();
    this.dialog = element(
      "dialog",
      { class: "detail", tabindex: "-1", "aria-labelledby": "detail-heading", onkeydown: (event) => this.key(event), onclick: (event) => this.closeOutside(event) },
      this.makeHeader(),
      element(
        "div",
        { class: "content" },
        element("div", { class: "left" }, this.stage, this.similar.node),
        this.side,
      ),
    );
    this.dialog.addEventListener("close", () => this.closed());
  }

  get isOpen() {
    return this.dialog.open;
  }

  // Show a picture of the dataset, whether it is in the result or not.
  open(id) {
    this.trail = [];
    const wasOpen = this.isOpen;
    if (!wasOpen) this.dialog.showModal();
    this.show(id);
    if (!wasOpen) this.heading.focus();
  }

  // Draw again what may have changed outside: selection, exclusions, categories that are hidden.
  refresh() {
    if (this.id === null) return;
    const { gallery, id } = this;
    pressed(this.pick, gallery.isPicked(id), "✓ Selected", "Select");
    pressed(this.exclude, gallery.isExcluded(id), "Left out", "Leave out");
    this.frame.classList.toggle("excluded", gallery.isExcluded(id));
    for (const button of this.asks) button.hidden = !gallery.canRank;
    this.backButton.hidden = this.trail.length === 0;
    // Not `disabled`, which would take the focus away and the keys with it.
    this.previousButton.setAttribute("aria-disabled", String(!this.itemAt(-1)));
    this.nextButton.setAttribute("aria-disabled", String(!this.itemAt(1)));
    this.instances.refresh(this.shown());
    if (this.overlay) applyShown(this.overlay, this.shown());
  }

  makeHeader() {
    this.heading = element("h2", { id: "detail-heading", tabindex: "-1", "aria-live": "polite" });
    this.backButton = iconButton(ICONS.back, "Back (Backspace)", () => this.back());
    this.previousButton = iconButton(ICONS.previous, "Previous picture (←)", () => this.step(-1));
    this.nextButton = iconButton(ICONS.next, "Next picture (→)", () => this.step(1));
    return element(
      "header",
      {},
      this.backButton,
      this.heading,
      this.previousButton,
      this.nextButton,
      iconButton(ICONS.help, "Keys (?)", () => openHelp(this.gallery)),
      iconButton(ICONS.close, "Close (Esc)", () => this.dialog.close()),
    );
  }

  makeStage() {
    this.frame = element("div", { class: "frame" });
    this.zoomText = element("span", { class: "zoom-text" });
    this.wholeButton = iconButton(ICONS.whole, "The whole picture (0)", () => this.zoom.reset());
    this.stage = element(
      "div",
      { class: "stage" },
      this.frame,
      element(
        "div",
        { class: "zoom-bar", role: "group", "aria-label": "Zoom" },
        iconButton(ICONS.minus, "Zoom out (-)", () => this.zoom.by(1 / ZOOM_STEP)),
        this.zoomText,
        iconButton(ICONS.plus, "Zoom in (+)", () => this.zoom.by(ZOOM_STEP)),
        this.wholeButton,
      ),
    );
    // Moves only: a picture that appears under a resting pointer is shown as it is.
    this.frame.addEventListener("pointermove", (event) => this.lightUnder(event));
    this.frame.addEventListener("click", (event) => this.instances.reveal(this.lightUnder(event)));
    this.frame.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && this.light(null));
    this.zoom = new Zoom(this.stage, this.frame, (zoom) => this.showZoom(zoom), (step) => this.step(step));
    this.similar = new Similar(this.gallery, (id, why) => this.visit(id, why));
  }

  makeSide() {
    const action = (text, onclick, title = null) => element("button", { type: "button", class: "plain", title, onclick }, text);
    this.pick = action("Select", () => this.act("pick"), "Select (S)");
    this.exclude = action("Leave out", () => this.act("exclude"), "Leave out of the result and of what is exported (X)");
    this.asks = [
      action("More like this", () => this.ask("like"), "Add this picture to the query (L)"),
      action("Less like this", () => this.ask("unlike"), "Take this picture away from the query"),
      action("Use as query", () => this.ask("replace"), "Search with this picture alone"),
    ];
    this.copy = action("Copy id", () => this.act("copy"), "Copy the image id (I)");
    this.download = element("a", { class: "plain" }, "Download picture");
    this.status = element("p", { class: "quiet status", role: "status" });
    this.facts = element("div", { class: "facts" });
    this.instances = new Instances({
      light: (index) => this.light(index),
      closeUp: (index) => this.closeUp(index),
      layer: (name, isOn) => this.showLayer(name, isOn),
      category: (id, isOn) => this.showCategory(id, isOn),
    });
    this.side = element(
      "div",
      { class: "side" },
      element("div", { class: "actions" }, this.pick, this.exclude),
      element("div", { class: "actions" }, ...this.asks),
      element("div", { class: "actions" }, this.copy, this.download),
      this.status,
      this.facts,
    );
  }

  step(by) {
    const item = this.itemAt(by);
    if (!item) return;
    this.trail = [];
    this.show(item.id);
  }

  visit(id, why) {
    this.trail.push({ id: this.id, why: this.why });
    this.show(id, why);
  }

  back() {
    const last = this.trail.pop();
    if (last) this.show(last.id, last.why);
  }

  // The picture so many places on from the last one of the result.
  itemAt(by) {
    const { items } = this.gallery;
    const here = positionOf(items, this.resultId);
    return here < 0 ? undefined : items[here + by];
  }

  async show(id, why = "") {
    Object.assign(this, { id, why, annotated: [], overlay: null, label: null, lit: null });
    this.keepFocus();
    const position = positionOf(this.gallery.items, id);
    const item = position < 0 ? { id, rank: null, score: null, width: 0, height: 0, file: "" } : this.gallery.items[position];
    if (position >= 0) this.resultId = id;
    this.say("");
    const picture = this.showPicture(item);
    this.showHeading(item, position);
    this.showFacts(item, null);
    this.refresh();
    this.similar.show(id);

    const record = await this.read(id);
    if (this.picture !== picture) return;
    const known = named(item, record);
    this.showHeading(known, position);
    this.showFacts(known, record);
    const sized = await measured(known, picture);
    if (this.picture !== picture) return;
    if (sized) this.showOverlay(sized, record);
    this.refresh();
    this.prepare(this.itemAt(1));
  }

  // Before a part with the focus goes: keys are heard as long as the focus is in the dialog.
  keepFocus() {
    const focused = this.gallery.root.activeElement;
    const goes = [this.similar.node, this.facts, this.backButton];
    if (goes.some((node) => node.contains(focused))) this.heading.focus();
  }

  async read(id) {
    try {
      return await this.gallery.record(id);
    } catch {
      return { error: "Its annotations cannot be read just now." };
    }
  }

  showHeading(item, position) {
    const place = position < 0 ? this.why || "Not in this result" : `${grouped(position + 1)} of ${grouped(this.gallery.n ?? this.gallery.items.length)}`;
    const rank = position >= 0 && item.rank !== position + 1 && item.rank !== null ? `rank ${grouped(item.rank)}` : "";
    const score = item.score === null ? "" : `score ${scoreText(item)}`;
    this.heading.replaceChildren(
      element("span", { class: "place" }, [place, rank, score].filter(Boolean).join(" · ")),
      element("span", { class: "file" }, element("bdi", {}, item.file)),
    );
  }

  showPicture(item) {
    const { id } = item;
    const url = this.pictureUrl(id);
    const picture = element("img", { src: url, alt: item.file || `Picture ${id}`, draggable: "false" });
    const waiting = element("img", { src: thumbnailUrl(this.gallery, id), alt: "", draggable: "false" });
    for (const [node, end] of [[waiting, "error"], [picture, "load"]]) node.addEventListener(end, () => waiting.remove());
    picture.addEventListener("error", () => this.showMissing(picture));
    this.picture = picture;
    this.frame.replaceChildren(waiting, picture);
    this.download.href = `${url}&download=1`;
    this.download.download = item.file.split("/").pop();
    this.download.hidden = false;
    this.zoom.start(...sizeOf(item));
    return picture;
  }

  async showMissing(picture) {
    const reason = await reasonFrom(picture.src);
    if (this.picture !== picture) return;
    this.frame.replaceChildren(element("p", { class: "missing" }, reason));
    this.overlay = null;
    this.download.hidden = true;
    this.zoom.start(4, 3);
  }

  showOverlay(item, record) {
    if (this.zoom.width !== item.width || this.zoom.height !== item.height) this.zoom.start(item.width, item.height);
    this.annotated = annotated(record);
    this.sized = item;
    this.overlay = drawOverlay(item, record, this.gallery.categories, this.shown());
    this.label = element("div", { class: "instance-label", hidden: true });
    this.frame.append(this.overlay, this.label);
  }

  showFacts(item, record) {
    if (record === null) this.facts.replaceChildren(element("p", { class: "quiet" }, "Reading its annotations…"));
    else if (record.error) this.facts.replaceChildren(element("p", { class: "missing" }, record.error));
    else {
      if (record.captions?.length) this.picture.alt = record.captions[0];
      this.instances.show(annotated(record), this.gallery.categories, this.shown());
      this.facts.replaceChildren(...this.captions(record), ...this.instanceSection(record), ...pictureFacts(item, record));
    }
  }

  captions({ captions = [] }) {
    if (!captions.length) return [];
    return [element("h3", {}, "Captions"), element("ul", { class: "captions" }, ...captions.map((text) => element("li", {}, text)))];
  }

  instanceSection(record) {
    if (annotated(record).length) return [this.instances.node];
    const { kinds = [] } = this.gallery;
    if (!kinds.includes("instances")) return [];
    return [element("p", { class: "quiet" }, "No instances are annotated in this picture.")];
  }

  showZoom(zoom) {
    setText(this.zoomText, `${Math.round(100 * zoom.scale)}%`);
    this.wholeButton.setAttribute("aria-disabled", String(!zoom.isZoomed));
  }

  shown() {
    return { ...this.layers, hidden: this.gallery.shown.hidden };
  }

  showLayer(name, isOn) {
    this.layers[name] = isOn;
    this.refresh();
  }

  showCategory(id, isOn) {
    if (isOn) this.gallery.shown.hidden.delete(id);
    else this.gallery.shown.hidden.add(id);
    this.gallery.showChanged();
    this.refresh();
  }

  lightUnder(event) {
    const group = event.target.closest(".instance");
    const index = group ? Number(group.dataset.index) : null;
    if (index !== this.lit) this.light(index);
    return index;
  }

  light(index) {
    this.lit = index;
    this.instances.light(index);
    if (!this.overlay) return;
    lightInstance(this.overlay, index);
    const one = index === null ? null : this.annotated[index];
    this.label.hidden = !one?.bbox || this.gallery.shown.hidden.has(one.category_id);
    if (this.label.hidden) return;
    const [x, y] = one.bbox;
    setText(this.label, instanceWords(one));
    this.label.style.left = `${(100 * Math.max(0, x)) / this.sized.width}%`;
    this.label.style.top = `${(100 * Math.max(0, y)) / this.sized.height}%`;
    this.label.classList.toggle("inside", y < 0.08 * this.sized.height);
    this.label.classList.toggle("leftwards", x > 0.6 * this.sized.width);
  }

  closeUp(index) {
    const box = this.annotated[index]?.bbox;
    if (box && this.overlay) this.zoom.closeUp(box);
    this.light(index);
  }

  act(name) {
    const { gallery, id } = this;
    if (name === "pick") gallery.togglePick(id);
    else if (name === "exclude") gallery.toggleExcluded(id);
    else if (name === "copy") this.copyId();
    this.refresh();
    if (name === "pick") this.say(gallery.isPicked(id) ? "Selected." : "No longer selected.");
    if (name === "exclude") this.say(gallery.isExcluded(id) ? "Left out of the result and of what is exported." : "Back in the result.");
  }

  ask(action) {
    const { id } = this;
    this.dialog.close();
    this.gallery.ask(action, [id]);
    const said = { like: "Searching for more like this picture.", unlike: "Searching for less like this picture.", replace: "Searching with this picture." };
    this.gallery.announce(said[action]);
  }

  async copyId() {
    const { id } = this;
    const isCopied = await copyText(String(id), this.dialog);
    this.say(isCopied ? `Copied ${id}.` : `The browser does not let this page copy. The id is ${id}.`);
  }

  // Inside the dialog: what lies outside is not read out while it is open.
  say(text) {
    setText(this.status, text);
  }

  key(event) {
    // Keys mean this picture, and not the page below it, which has keys of its own.
    event.stopPropagation();
    const action = keyAction("detail", event);
    const steps = {
      next: () => this.step(1),
      previous: () => this.step(-1),
      back: () => this.back(),
      "zoom in": () => this.zoom.by(ZOOM_STEP),
      "zoom out": () => this.zoom.by(1 / ZOOM_STEP),
      whole: () => this.zoom.reset(),
      "pan left": () => this.zoom.panSteps(-1, 0),
      "pan right": () => this.zoom.panSteps(1, 0),
      "pan up": () => this.zoom.panSteps(0, -1),
      "pan down": () => this.zoom.panSteps(0, 1),
      masks: () => this.showLayer("masks", !this.layers.masks),
      boxes: () => this.showLayer("boxes", !this.layers.boxes),
      keypoints: () => this.showLayer("keypoints", !this.layers.keypoints),
      like: () => this.gallery.canRank && this.ask("like"),
      help: () => openHelp(this.gallery),
    };
    if (action === null) return;
    event.preventDefault();
    if (steps[action]) steps[action]();
    else this.act(action);
  }

  // The next picture is asked for before it is wanted.
  prepare(item) {
    if (!item) return;
    new Image().src = this.pictureUrl(item.id);
    this.read(item.id);
  }

  pictureUrl(id) {
    return `${this.gallery.base}/images/${id}/picture?v=${versionOf(this.gallery, id)}`;
  }

  closeOutside(event) {
    if (event.target === this.dialog) this.dialog.close();
  }

  closed() {
    this.frame.replaceChildren();
    Object.assign(this, { id: null, picture: null, overlay: null });
    this.gallery.focusTile(this.resultId);
  }
}

function positionOf(items, id) {
  return Array.prototype.findIndex.call(items, (item) => item.id === id);
}

function sizeOf({ width, height }) {
  return width > 0 && height > 0 ? [width, height] : [4, 3];
}

// Of a picture outside the result only its record says file name and size.
function named(item, { image }) {
  if (item.file || !image) return item;
  return { ...item, file: String(image.file_name ?? ""), width: Number(image.width), height: Number(image.height) };
}

// A record may lack the size; coordinates are those of the file's own pixels then too.
// Null when the picture cannot be had.
async function measured(item, picture) {
  if (item.width > 0 && item.height > 0) return picture.isConnected ? item : null;
  try {
    await picture.decode();
  } catch {
    return null;
  }
  return { ...item, width: picture.naturalWidth, height: picture.naturalHeight };
}

function pictureFacts(item, record) {
  const licence = record.license;
  const links = [
    [record.coco_url, "COCO"],
    [record.flickr_url, "Flickr"],
  ].filter(([url]) => isWebAddress(url));
  const rows = [
    ["Image id", String(item.id)],
    ["Size", item.width > 0 ? `${grouped(item.width)} × ${grouped(item.height)} px` : "not stated"],
    ["Licence", ...(licence ? [link(licence.url, licence.name), element("div", { class: "quiet" }, allowed(licence))] : ["not stated"])],
  ];
  if (links.length) rows.push(["Source", ...links.flatMap(([url, name], index) => (index ? [" · ", link(url, name)] : [link(url, name)]))]);
  const pairs = rows.flatMap(([name, ...values]) => [element("dt", {}, name), element("dd", {}, ...values)]);
  return [element("h3", {}, "Picture"), element("dl", {}, ...pairs)];
}

function allowed({ commercial, modifications }) {
  const words = (isAllowed) => (isAllowed ? "allowed" : "not allowed");
  if (typeof commercial !== "boolean" || typeof modifications !== "boolean") return "What it allows is not known here.";
  return `Commercial use ${words(commercial)}, changes ${words(modifications)}.`;
}

function thumbnailUrl(gallery, id) {
  return `${gallery.base}/images/${id}/thumbnail?size=320&v=${versionOf(gallery, id)}`;
}

// Of a picture in the result its file's own version is known, which may be kept for longer.
function versionOf({ items, version }, id) {
  return items[positionOf(items, id)]?.version || version;
}

function isWebAddress(url) {
  return typeof url === "string" && /^https?:\/\//i.test(url);
}

function link(url, text) {
  if (!isWebAddress(url)) return text;
  return element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text);
}

function iconButton(path, label, onclick) {
  return element("button", { type: "button", class: "plain icon", "aria-label": label, title: label, onclick }, icon(path));
}

function pressed(button, isPressed, on, off) {
  button.setAttribute("aria-pressed", String(isPressed));
  setText(button, isPressed ? on : off);
}

// The clipboard is only there on https and on this machine; the old way works elsewhere,
// from a field that lies in the open dialog.
async function copyText(text, place) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const focused = place.getRootNode().activeElement;
    const field = element("textarea", { class: "offscreen", readonly: true, "aria-hidden": "true" });
    field.value = text;
    place.append(field);
    field.select();
    const isCopied = document.execCommand("copy");
    field.remove();
    focused?.focus();
    return isCopied;
  }
}
