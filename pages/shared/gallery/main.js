// The component: keeps one Gallery an element and gives it what Python sends.

class Gallery {
  constructor(root, component) {
    this.root = root;
    this.component = component;
    this.items = [];
    this.duplicates = {};
    this.covered = { top: 0, bottom: 0 };
    const { layers, hidden, ...display } = defaultDisplay();
    this.display = display;
    this.shown = { boxes: false, masks: false, keypoints: false, captions: false, hidden };
    this.selection = new Selection(() => {
      this.selectionChanged();
      this.address.write(); // whatever comes next, a reload or another page
    });
    this.address = new Address(this);
    this.records = new Records(this, (ids) => this.recordsArrived(ids));
    this.tiles = new Tiles(this);
    this.detail = new Detail(this);
    this.toolbar = new Toolbar(this);
    this.bar = new Bar(this, (name, value) => this.component.setTriggerValue(name, value));
    this.note = element("div", { class: "note", role: "status", hidden: true });
    this.empty = element("p", { class: "quiet empty", hidden: true }, "No picture is shown.");
    this.voice = element("div", { class: "voice", "aria-live": "polite" });
    this.node = root.querySelector(".gallery");
    this.node.append(this.toolbar.node, this.note, this.empty, this.tiles.list, this.bar.node, this.detail.dialog, this.bar.question, this.voice);
    this.moveSoon = calmed(() => this.address.write(), 400);
    this.onKey = (event) => this.keyOfThePage(event);
    document.addEventListener("keydown", this.onKey);
    this.heights = new ResizeObserver(() => this.measure());
    for (const node of [this.toolbar.node, this.bar.node]) this.heights.observe(node);
    this.tiles.begin();
    this.measure();
  }

  close() {
    document.removeEventListener("keydown", this.onKey);
    this.heights.disconnect();
    this.moveSoon.cancel();
    this.tiles.end();
    this.address.close();
  }

  update(component) {
    this.component = component;
    const data = component.data;
    const isNewKey = this.key !== data.key;
    const isNewResult = this.result !== data.result;
    const isOtherData = this.base !== data.base || this.version !== data.version;
    const link = this.isOpened ? this.address.arrived() : this.address.opening();
    Object.assign(this, {
      key: data.key,
      dataset: data.dataset,
      base: data.base,
      api: data.api,
      version: data.version,
      model: data.model,
      n: data.n,
      total: data.total,
      duplicates: data.duplicates,
      kinds: data.kinds,
      baseBytes: data.base_bytes,
      allBytes: data.bytes_all,
      isEstimated: data.is_estimated,
      canRank: data.can_rank,
      isListed: data.is_listed,
      download: data.download,
    });
    if (isOtherData) {
      this.categories = data.categories;
      this.records.forget();
    }
    if (!this.isOpened) this.restoreDisplay(rememberedDisplay());
    if (link) this.restoreDisplay(link.display);
    if (isNewKey || link) this.restoreSelection(link);
    if (isNewResult || isOtherData) this.showItems(data, isNewKey || isOtherData);
    else if (link) this.showInOrder(false);
    // A page that comes back stands where it stood; a new query begins at its best.
    if (isNewKey || link) this.goTo(link ? link.display.at : this.isOpened ? 1 : this.rememberedAt);
    this.isOpened = true;
    this.refresh();
    this.address.writeSoon();
  }

  // What a link or a page of the history says, when the query is the same.
  follow(link) {
    this.restoreDisplay(link.display);
    this.restoreSelection(link);
    this.showInOrder(false);
    this.goTo(link.display.at);
    this.refresh();
    this.address.writeSoon();
  }

  restoreDisplay({ layers, hidden, ...display }) {
    this.display = { ...display };
    if (!(display.sort in SORTS) || (display.sort === "instances" && !this.kinds.includes("instances"))) this.display.sort = "score";
    for (const layer of LAYERS) this.shown[layer] = layers.has(layer) && this.kinds.includes(LAYER_KINDS[layer]);
    const known = new Set(this.categories.map(({ id }) => id));
    this.shown.hidden = new Set([...hidden].filter((id) => known.has(id)));
  }

  restoreSelection(link) {
    const remembered = rememberedSelection(this.key);
    this.rememberedAt = remembered.at;
    const { picked, excluded } = link && (link.hasSelection || !remembered.isUnsaid) ? link : remembered;
    this.selection.restore(picked, excluded);
    if (!link) return;
    this.say(link.unread.length ? `This address is not whole: ${link.unread.join(", ")} could not be read. The rest is as it was sent.` : "");
    if (link.view) this.restoreKept(link.view);
  }

  async restoreKept(id) {
    const { key } = this;
    const kept = await this.address.fetchKept(id);
    if (this.key !== key) return;
    if (!kept) {
      this.say("The selection that this address names is not kept here any more. The pictures are as they were sent.");
      return;
    }
    this.selection.restore(kept.picked, kept.excluded);
    this.address.kept = { of: this.address.selectionText(), id };
    this.selectionChanged();
  }

  say(text) {
    this.note.hidden = !text;
    const close = element("button", { type: "button", class: "tool", "aria-label": "Close this note", onclick: () => this.say("") }, "✕");
    this.note.replaceChildren(...(text ? [element("span", {}, text), close] : []));
  }

  showItems(data, isNew) {
    // The ids of a result too large to be loaded whole: enough to select them all.
    this.rest = data.rest ? unpackIds(data.rest, data.n).ids : null;
    this.ranked = itemsOf(data.items);
    this.hasScores = data.items.score !== null;
    this.result = data.result;
    Object.assign(this.tiles.list.dataset, { result: data.result, count: this.ranked.length });
    this.sizes = isNew || !this.sizes ? new Map() : this.sizes;
    for (const item of this.ranked) this.sizes.set(item.id, item.bytes);
    this.ids = new Set(this.ranked.map((item) => item.id));
    for (const id of this.rest || []) this.ids.add(id);
    const isGone = this.detail.dialog.open && isNew;
    this.showInOrder(isNew);
    if (isGone) this.detail.dialog.close();
  }

  showInOrder(isNew) {
    this.items = inOrder(this.ranked, this.display.sort, this.display.seed);
    this.empty.hidden = this.items.length > 0;
    this.tiles.show(this.items, isNew);
  }

  goTo(at) {
    if (at > 1) this.tiles.hold(Math.min(at, this.items.length) - 1);
    else if (this.tiles.view().top > 0) this.tiles.scrollTo(0);
  }

  refresh() {
    this.toolbar.refresh();
    this.node.classList.toggle("show-captions", this.shown.captions);
    this.selectionChanged();
  }

  selectionChanged() {
    this.tiles.mark();
    this.node.classList.toggle("picking", this.selection.picked.size > 0);
    this.bar.refresh();
    this.detail.refresh?.();
    this.address.writeSoon();
  }

  arrange(changes) {
    Object.assign(this.display, changes);
    if ("sort" in changes || "seed" in changes) {
      this.showInOrder(false);
      this.goTo(1);
    } else this.tiles.layOut(true);
    this.toolbar.refresh();
    this.address.writeSoon();
    if (changes.sort) this.announce(`Sorted: ${SORTS[changes.sort]}`);
  }

  resize(size) {
    this.display.size = tileSize(size);
    this.tiles.layOut(true);
    this.toolbar.refresh();
    this.address.writeSoon();
  }

  tileSize() {
    return this.display.size ?? (this.tiles.list.clientWidth < 600 ? 130 : 190);
  }

  toggleLayer(layer) {
    if (!this.kinds.includes(LAYER_KINDS[layer])) return;
    this.shown[layer] = !this.shown[layer];
    this.announce(`${LAYER_NAMES[layer]} ${this.shown[layer] ? "shown" : "hidden"}`);
    this.showChanged();
  }

  toggleCategory(id) {
    if (!this.shown.hidden.delete(id)) this.shown.hidden.add(id);
    this.showChanged();
  }

  // Something of `shown` has changed, here or in the detail view.
  showChanged() {
    this.toolbar.refresh();
    this.node.classList.toggle("show-captions", this.shown.captions);
    this.tiles.describe();
    this.tiles.settled();
    this.address.writeSoon();
  }

  scrolled(first, end) {
    this.display.at = this.tiles.view().top > 0 ? first + 1 : 1;
    this.toolbar.place(first, end, this.items.length);
    this.moveSoon();
  }

  settled(ids) {
    const { boxes, masks, keypoints } = this.shown;
    const parts = boxes || masks || keypoints ? ["captions", "instances", "keypoints"] : ["captions"];
    this.inView = ids;
    this.records.want(ids, parts.filter((part) => this.kinds.includes(part)));
    this.listCategories();
  }

  recordsArrived(ids) {
    this.tiles.describe(ids);
    this.listCategories();
  }

  listCategories() {
    this.toolbar.list((this.inView || []).map((id) => this.records.of(id)).filter(Boolean));
  }

  record(id) {
    return this.records.wholeOf(id);
  }

  isPicked(id) {
    return this.selection.picked.has(id);
  }

  togglePick(id) {
    this.selection.pick([id], !this.isPicked(id));
  }

  isExcluded(id) {
    return this.selection.excluded.has(id);
  }

  toggleExcluded(id) {
    this.selection.exclude([id], !this.isExcluded(id));
    this.announce(this.isExcluded(id) ? "Left out" : "Taken back");
  }

  pickAll() {
    this.selection.pickAll(this.ids);
    this.announce(`${grouped(this.selection.picked.size)} selected`);
  }

  invert() {
    this.selection.invert(this.ids);
    this.announce(`${grouped(this.selection.picked.size)} selected`);
  }

  forgetOutside() {
    this.selection.pick(this.outside(), false);
  }

  // Pictures that the dataset does not have; a changed link may name such.
  forget(ids, why) {
    this.selection.pick(ids, false);
    this.say(why);
  }

  takeBackAll() {
    this.selection.exclude([...this.selection.excluded], false);
  }

  outside() {
    return [...this.selection.picked].filter((id) => !this.ids.has(id));
  }

  excludedHere() {
    return [...this.selection.excluded].filter((id) => this.ids.has(id));
  }

  bytesOf(ids) {
    let known = 0;
    let unknown = 0;
    let bytes = this.baseBytes;
    for (const id of ids) {
      const size = this.sizes.get(id);
      if (size === undefined) unknown += 1;
      else {
        known += 1;
        bytes += size;
      }
    }
    const usual = known ? (bytes - this.baseBytes) / known : this.allBytes / Math.max(1, this.n);
    return bytes + unknown * usual;
  }

  bytesOfAll() {
    return this.allBytes + this.baseBytes;
  }

  ask(action, ids) {
    this.component.setTriggerValue("ask", { action, ids });
  }

  openDetail(id) {
    this.detail.open(id);
  }

  focusTile(id) {
    this.tiles.focus(this.tiles.places.get(id));
  }

  announce(text) {
    this.voice.textContent = "";
    requestAnimationFrame(() => (this.voice.textContent = text));
  }

  // Do what a key says; false when it says nothing here.
  act(action, id) {
    const { selection } = this;
    const actions = {
      pick: () => this.tiles.pickOne(id),
      range: () => this.tiles.pickTo(id),
      exclude: () => this.toggleExcluded(id),
      all: () => this.pickAll(),
      none: () => selection.clear(),
      invert: () => this.invert(),
      undo: () => selection.takeBack() && this.announce("Taken back"),
      like: () => this.canRank && this.ask("like", [id]),
      larger: () => this.resize(this.tileSize() + 20),
      smaller: () => this.resize(this.tileSize() - 20),
      layout: () => this.arrange({ layout: this.display.layout === "rows" ? "grid" : "rows" }),
      boxes: () => this.toggleLayer("boxes"),
      masks: () => this.toggleLayer("masks"),
      keypoints: () => this.toggleLayer("keypoints"),
      captions: () => this.toggleLayer("captions"),
      help: () => openHelp(this),
    };
    if (!Object.hasOwn(actions, action ?? "")) return false;
    actions[action]();
    return true;
  }

  // Keys that need no picture work wherever no other element has the focus. A click beside all
  // controls gives it to the frame round the page.
  keyOfThePage(event) {
    const target = event.composedPath()[0];
    const isPage = target instanceof Node && target.contains(this.root.host || this.root);
    const isOurs = this.node.contains(target) && !target.closest("dialog, input, select");
    if (event.defaultPrevented || (!isPage && !isOurs)) return;
    const action = keyAction("gallery", event);
    if (["all", "none", "invert", "undo", "help"].includes(action) && this.act(action)) event.preventDefault();
  }

  // How much of the page's top and bottom the frame, the toolbar and the bar cover.
  measure() {
    const header = document.querySelector('[data-testid="stHeader"]')?.getBoundingClientRect().bottom || 0;
    const frame = this.tiles.scroller.getBoundingClientRect();
    const above = Math.max(0, header - Math.max(0, frame.top));
    this.node.style.setProperty("--above", `${above}px`);
    this.covered = { top: above + this.toolbar.node.offsetHeight, bottom: this.bar.node.offsetHeight };
    this.tiles.drawSoon();
  }
}

function itemsOf({ id, score, width, height, bytes, file, instances, version }) {
  return id.map((value, at) => ({
    id: idOf(value),
    rank: at + 1,
    score: score ? score[at] : null,
    width: width[at],
    height: height[at],
    bytes: bytes[at],
    file: file[at],
    instances: instances[at],
    version: version ? version[at] : null,
  }));
}

const galleries = new WeakMap();

export default function render(component) {
  const root = component.parentElement;
  if (!galleries.has(root)) galleries.set(root, new Gallery(root, component));
  galleries.get(root).update(component);
  return () => {
    galleries.get(root)?.close();
    galleries.delete(root);
  };
}
