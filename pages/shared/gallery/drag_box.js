// A box drawn with the mouse picks what it touches; with Alt it takes away. Fingers scroll.

const DRAG_BEGINS = 6;
const EDGE = 48;

class DragBox {
  constructor(tiles) {
    this.tiles = tiles;
    this.node = element("div", { class: "drag-box", "aria-hidden": "true" });
    const { list } = tiles;
    list.addEventListener("pointerdown", (event) => this.down(event));
    list.addEventListener("pointermove", (event) => this.move(event));
    list.addEventListener("pointerup", (event) => this.up(event));
    list.addEventListener("pointercancel", () => this.stop());
    list.addEventListener("keydown", (event) => event.key === "Escape" && this.isDrawn && this.stop());
    // The click at the end of a drag opens nothing.
    list.addEventListener("click", (event) => this.wasDragged && event.stopImmediatePropagation(), { capture: true });
    list.addEventListener("dragstart", (event) => event.preventDefault());
  }

  down(event) {
    this.wasDragged = false;
    if (event.button !== 0 || event.pointerType === "touch" || event.target.closest(".pick, .drop, .legend")) return;
    this.pointer = event.pointerId;
    this.from = this.at(event);
  }

  move(event) {
    if (this.pointer !== event.pointerId) return;
    this.last = event;
    const to = this.at(event);
    if (!this.isDrawn && Math.hypot(to.x - this.from.x, to.y - this.from.y) < DRAG_BEGINS) return;
    if (!this.isDrawn) this.begin(event);
    this.draw();
  }

  begin(event) {
    this.isDrawn = true;
    const { list } = this.tiles;
    list.setPointerCapture(event.pointerId);
    list.classList.add("dragging");
    list.append(this.node);
    getSelection()?.removeAllRanges();
    this.follow();
  }

  // Near the edge of the screen the page goes on by itself.
  follow() {
    if (!this.isDrawn) return;
    const frame = this.tiles.scroller.getBoundingClientRect();
    const { top, bottom } = this.tiles.gallery.covered;
    const over = this.last.clientY - (frame.bottom - bottom - EDGE);
    const under = frame.top + top + EDGE - this.last.clientY;
    const step = over > 0 ? over : under > 0 ? -under : 0;
    if (step) {
      this.tiles.scroller.scrollTop += Math.max(-24, Math.min(24, step / 2));
      this.draw();
    }
    requestAnimationFrame(() => this.follow());
  }

  draw() {
    const to = this.at(this.last);
    const box = {
      left: Math.min(this.from.x, to.x),
      right: Math.max(this.from.x, to.x),
      top: Math.min(this.from.y, to.y),
      bottom: Math.max(this.from.y, to.y),
    };
    Object.assign(this.node.style, {
      left: `${box.left}px`,
      top: `${box.top}px`,
      width: `${box.right - box.left}px`,
      height: `${box.bottom - box.top}px`,
    });
    this.touched = positionsIn(this.tiles.place, box).map((position) => this.tiles.items[position].id);
    const touched = new Set(this.touched);
    for (const [id, tile] of this.tiles.byId) tile.node.classList.toggle("touched", touched.has(id));
  }

  up(event) {
    if (this.isDrawn) {
      this.wasDragged = true;
      this.tiles.gallery.selection.pick(this.touched, !event.altKey);
    }
    this.stop();
  }

  stop() {
    this.pointer = null;
    this.isDrawn = false;
    this.node.remove();
    this.tiles.list.classList.remove("dragging");
    for (const tile of this.tiles.byId.values()) tile.node.classList.remove("touched");
  }

  at(event) {
    const list = this.tiles.list.getBoundingClientRect();
    return { x: event.clientX - list.left, y: event.clientY - list.top };
  }
}
