// The tiles as they stand on the page. The page scrolls, not the list: all tiles have their
// place from the start, and those near the screen have an element.

const ALL_UP_TO = 300; // so few are all made at once, so that the browser's search finds them
const AHEAD = 1; // screens above and below that are made beforehand
const FAST = 5; // screens a second: pictures that only fly by are not asked for
const SETTLED_MS = 100;
const HELD_MS = 1_500;
const TOUCHES = ["wheel", "touchstart", "pointerdown", "keydown"];

class Tiles {
  constructor(gallery) {
    this.gallery = gallery;
    this.items = [];
    this.byId = new Map(); // id -> Tile, of those that have an element
    this.places = new Map(); // id -> position
    this.current = 0; // the position that Tab comes to
    this.anchor = null; // the id from which a range goes
    this.list = element("ul", {
      class: "tiles",
      "aria-label": "Pictures",
      onkeydown: (event) => this.key(event),
      onclick: (event) => this.click(event),
      onfocusin: (event) => this.focused(event.target),
    });
    this.dragBox = new DragBox(this);
    this.drawSoon = () => (this.frame ??= requestAnimationFrame(() => this.draw()));
    this.settle = calmed(() => this.settled(), SETTLED_MS);
    this.onScroll = () => {
      this.drawSoon();
      this.settle();
    };
    this.resizes = new ResizeObserver(() => this.resized());
    this.onTouch = () => (this.held = null);
  }

  // Called when the list is in the page.
  begin() {
    this.scroller = scrollerOf(this.gallery.root.host || this.gallery.root);
    this.scroller.addEventListener("scroll", this.onScroll, { passive: true });
    for (const touch of TOUCHES) this.scroller.addEventListener(touch, this.onTouch, { passive: true });
    this.resizes.observe(this.list);
    this.resizes.observe(this.scroller);
  }

  end() {
    this.held = null;
    this.scroller.removeEventListener("scroll", this.onScroll);
    for (const touch of TOUCHES) this.scroller.removeEventListener(touch, this.onTouch);
    this.resizes.disconnect();
    this.settle.cancel();
    cancelAnimationFrame(this.frame);
  }

  resized() {
    if (this.list.clientWidth !== this.laidOutWidth) this.layOut(true);
    else this.drawSoon();
  }

  // Show `items` in this order. Tiles of pictures that stay are kept, unless `isNew`.
  show(items, isNew) {
    if (isNew) {
      for (const tile of this.byId.values()) tile.leave();
      this.byId.clear();
    }
    this.items = items;
    this.places = new Map(items.map((item, position) => [item.id, position]));
    this.ratios = items.map(ratioOf);
    if (!this.places.has(this.anchor)) this.anchor = null;
    this.current = 0;
    for (const [id, tile] of this.byId) {
      if (this.places.has(id)) tile.become(items[this.places.get(id)]);
    }
    this.layOut(false);
  }

  // Find the tiles' places anew. With `stays`, what was at the top of the screen stays there.
  layOut(stays) {
    const first = stays ? this.firstInView() : 0;
    const { layout } = this.gallery.display;
    this.laidOutWidth = this.list.clientWidth;
    this.place = layOut(this.ratios || [], { width: this.laidOutWidth, layout, size: this.gallery.tileSize() });
    this.list.style.height = `${Math.max(0, this.place.total - ROW_GAP)}px`;
    this.isPlaced = false;
    if (stays && first > 0) this.scrollTo(first);
    this.draw();
    this.settle();
  }

  draw() {
    this.frame = null;
    if (!this.place) return;
    const view = this.view();
    const height = view.bottom - view.top;
    const isFast = this.isFast(view.top, height);
    const isSmall = this.items.length <= ALL_UP_TO;
    const [first, end] = isSmall
      ? [0, this.items.length]
      : rowsWithin(this.place, view.top - AHEAD * height, view.bottom + AHEAD * height);
    this.make(first, end, isSmall, isFast && !isSmall && this.isPlaced);
    this.gallery.scrolled(...this.visible());
  }

  isFast(top, height) {
    const now = performance.now();
    const { top: before = top, at = now } = this.last || {};
    this.last = { top, at: now };
    return Math.abs(top - before) / height > (FAST * Math.max(16, now - at)) / 1000;
  }

  make(first, end, isLazy, isFast) {
    const positions = [];
    for (let position = first; position < end; position++) positions.push(position);
    // The tile that has the focus keeps it, wherever the page is scrolled to.
    if (this.hasFocus() && (this.current < first || this.current >= end) && this.current < this.items.length) {
      positions.push(this.current);
      positions.sort((a, b) => a - b);
    }
    const wanted = new Set(positions.map((position) => this.items[position].id));
    for (const [id, tile] of this.byId) {
      if (wanted.has(id)) continue;
      tile.leave();
      this.byId.delete(id);
    }
    let next = this.list.firstChild;
    for (const position of positions) {
      const item = this.items[position];
      const known = this.byId.get(item.id);
      const tile = known || new Tile(this.gallery, item);
      if (!known || !this.isPlaced) {
        tile.place(this.place, position, isLazy);
        tile.node.setAttribute("aria-posinset", position + 1);
        tile.node.setAttribute("aria-setsize", this.items.length);
      }
      this.byId.set(item.id, tile);
      if (!isFast) tile.load();
      tile.mark(this.gallery.isPicked(item.id), this.gallery.isExcluded(item.id));
      tile.open.tabIndex = position === this.current ? 0 : -1;
      const record = this.gallery.records.of(item.id);
      if (record && record !== tile.record) tile.describe(record, this.gallery.shown);
      if (tile.node === next) next = next.nextSibling;
      else this.list.insertBefore(tile.node, next);
    }
    this.isPlaced = true;
  }

  // After scrolling: load what flew by and stayed, and ask for the annotations in view.
  settled() {
    for (const tile of this.byId.values()) tile.load();
    const [first, end] = this.visible(0.5);
    this.gallery.settled(this.items.slice(first, end).map((item) => item.id));
  }

  mark() {
    for (const [id, tile] of this.byId) tile.mark(this.gallery.isPicked(id), this.gallery.isExcluded(id));
  }

  // Records have come, or other layers are shown.
  describe(ids = this.byId.keys()) {
    for (const id of ids) {
      const record = this.gallery.records.of(id);
      if (record) this.byId.get(id)?.describe(record, this.gallery.shown);
    }
  }

  // What of the list is on the screen, in the list's own pixels.
  view() {
    const list = this.list.getBoundingClientRect();
    const frame = this.scroller.getBoundingClientRect();
    const top = frame.top + this.gallery.covered.top - list.top;
    return { top, bottom: frame.bottom - this.gallery.covered.bottom - list.top };
  }

  // The positions [first, end) on the screen, and some screens more.
  visible(more = 0) {
    const { top, bottom } = this.view();
    const extra = more * (bottom - top);
    return rowsWithin(this.place, top - extra, bottom + extra);
  }

  firstInView() {
    return this.place ? this.visible()[0] : 0;
  }

  scrollTo(position) {
    const wanted = this.place.top[position];
    if (wanted === undefined) return;
    this.scroller.scrollTop += wanted - this.view().top;
  }

  // Stay there while what stands above still finds its height, or until the person moves.
  hold(position) {
    this.held = { position, until: performance.now() + HELD_MS };
    this.keepHeld();
  }

  keepHeld() {
    if (!this.held) return;
    this.scrollTo(this.held.position);
    if (performance.now() < this.held.until) setTimeout(() => this.keepHeld(), 100);
    else this.held = null;
  }

  reveal(position) {
    const { top, bottom } = this.view();
    const above = this.place.top[position] - 4 - top;
    const below = this.place.top[position] + this.place.height[position] + FOOT + 4 - bottom;
    if (above < 0) this.scroller.scrollTop += above;
    else if (below > 0) this.scroller.scrollTop += Math.min(below, above);
  }

  focus(position) {
    if (!(position >= 0 && position < this.items.length)) return;
    this.current = position;
    this.reveal(position);
    this.drawNow(position);
    this.byId.get(this.items[position].id)?.open.focus({ preventScroll: true });
  }

  drawNow(position) {
    this.draw();
    if (!this.byId.has(this.items[position].id)) this.make(position, position + 1, false, false);
  }

  hasFocus() {
    return this.list.contains(this.gallery.root.activeElement);
  }

  focused(target) {
    const tile = target.closest(".tile")?.tile;
    if (!tile || !this.places.has(tile.item.id)) return;
    for (const other of this.byId.values()) other.open.tabIndex = -1;
    this.current = this.places.get(tile.item.id);
    tile.open.tabIndex = 0;
  }

  click(event) {
    const tile = event.target.closest(".tile")?.tile;
    if (!tile) return;
    const { id } = tile.item;
    if (event.target.closest(".drop")) this.gallery.toggleExcluded(id);
    else if (event.shiftKey) this.pickTo(id);
    else if (event.target.closest(".pick") || ((event.ctrlKey || event.metaKey) && event.target.closest(".open"))) this.pickOne(id);
    else if (event.target.closest(".open")) this.gallery.openDetail(id);
  }

  pickOne(id) {
    this.anchor = id;
    this.gallery.togglePick(id);
  }

  // From the last one that was picked to here; all become what the last one is.
  pickTo(id) {
    const from = this.places.get(this.anchor) ?? this.places.get(id);
    const to = this.places.get(id);
    const on = this.anchor === null ? !this.gallery.isPicked(id) : this.gallery.isPicked(this.anchor);
    const ids = this.items.slice(Math.min(from, to), Math.max(from, to) + 1).map((item) => item.id);
    this.anchor ??= id;
    this.gallery.selection.pick(ids, on);
  }

  key(event) {
    if (!event.target.closest(".tile")) return;
    const item = this.items[this.current];
    const to = this.step(event);
    if (to !== null) this.focus(to);
    else if (!this.gallery.act(keyAction("gallery", event), item.id)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Where a key of movement leads, or null.
  step(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return null;
    const last = this.items.length - 1;
    const here = this.current;
    switch (event.key) {
      case "ArrowRight": return Math.min(last, here + 1);
      case "ArrowLeft": return Math.max(0, here - 1);
      case "ArrowDown": return verticalNeighbour(this.place, here, 1);
      case "ArrowUp": return verticalNeighbour(this.place, here, -1);
      case "Home": return 0;
      case "End": return last;
      case "PageDown": return this.screenAway(here, 1);
      case "PageUp": return this.screenAway(here, -1);
      default: return null;
    }
  }

  screenAway(here, direction) {
    const { top, bottom } = this.view();
    const wanted = this.place.top[here] + direction * (bottom - top);
    let to = here;
    for (let next = here; ; to = next) {
      next = verticalNeighbour(this.place, to, direction);
      if (next === to || Math.abs(this.place.top[next] - this.place.top[here]) > Math.abs(wanted - this.place.top[here])) break;
    }
    return to === here ? verticalNeighbour(this.place, here, direction) : to;
  }
}

// The element that scrolls the page round `node`.
function scrollerOf(node) {
  for (let parent = node.parentElement; parent; parent = parent.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(parent).overflowY)) return parent;
  }
  return document.scrollingElement;
}
