// What a hand does on the map: drag, wheel, two fingers, keys.

const REACH = { mouse: 12, pen: 14, touch: 24 };
const STILL = 5; // pixels that a click may move
const STEP = 60; // pixels an arrow key moves

class Hand {
  constructor(map) {
    this.map = map;
    this.down = new Map(); // pointers that touch
    const { stage } = map;
    const on = (name, act, options) => stage.addEventListener(name, act, options);
    on("pointerdown", (event) => this.touch(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.lift(event));
    on("pointercancel", (event) => this.give(event));
    on("pointerleave", (event) => event.pointerType === "mouse" && !this.down.size && map.pointAt(-1));
    on("wheel", (event) => this.wheel(event), { passive: false });
    on("dblclick", (event) => map.zoomBy(event.shiftKey ? 0.5 : 2, ...this.place(event)));
    on("keydown", (event) => this.key(event));
  }

  place(event) {
    const box = this.map.stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  touch(event) {
    if (event.button) return;
    const { map } = this;
    const [left, top] = this.place(event);
    this.down.set(event.pointerId, [left, top]);
    map.stage.setPointerCapture(event.pointerId);
    map.stage.classList.add("held");
    if (this.down.size > 1) {
      map.lasso.abandon();
      this.isMoved = true;
      return;
    }
    this.start = [left, top];
    this.isMoved = false;
    this.keys = { add: event.ctrlKey || event.metaKey, remove: event.altKey };
    if (map.tool !== "pan" || event.shiftKey) map.lasso.begin(left, top, map.tool === "box");
  }

  move(event) {
    const { map } = this;
    const [left, top] = this.place(event);
    const before = this.down.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") map.pointAt(map.pointNear(left, top, REACH.mouse));
      return;
    }
    if (this.down.size > 1) {
      this.pinch(event.pointerId, left, top);
      return;
    }
    this.isMoved ||= Math.hypot(left - this.start[0], top - this.start[1]) > STILL;
    if (!this.isMoved) return;
    this.down.set(event.pointerId, [left, top]);
    map.pointAt(-1);
    if (map.lasso.isDrawn) map.lasso.moveTo(left, top);
    else map.panBy(left - before[0], top - before[1]);
  }

  pinch(moved, left, top) {
    const other = [...this.down.entries()].find(([pointer]) => pointer !== moved)[1];
    const before = this.down.get(moved);
    const far = Math.hypot(before[0] - other[0], before[1] - other[1]);
    const now = Math.hypot(left - other[0], top - other[1]);
    const [wasX, wasY] = [(before[0] + other[0]) / 2, (before[1] + other[1]) / 2];
    const [x, y] = [(left + other[0]) / 2, (top + other[1]) / 2];
    this.down.set(moved, [left, top]);
    this.map.panBy(x - wasX, y - wasY);
    if (far > 8) this.map.zoomBy(now / far, x, y);
  }

  lift(event) {
    if (!this.down.delete(event.pointerId)) return;
    const { map } = this;
    if (this.down.size) return;
    map.stage.classList.remove("held");
    if (map.lasso.isDrawn && this.isMoved) {
      const outline = map.lasso.end(map.camera);
      if (outline) map.chooseInside(outline, this.keys.add ? "add" : this.keys.remove ? "remove" : map.way);
    } else if (!this.isMoved) {
      map.lasso.abandon();
      const [left, top] = this.place(event);
      map.click(map.pointNear(left, top, REACH[event.pointerType] ?? REACH.mouse), this.keys);
    }
  }

  give(event) {
    this.down.delete(event.pointerId);
    this.map.stage.classList.remove("held");
    this.map.lasso.abandon();
  }

  wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 30 : event.deltaMode === 2 ? 300 : 1);
    // A pinch on a touchpad comes as a wheel with the control key, in small steps.
    const factor = Math.exp(-Math.max(-300, Math.min(300, pixels)) * (event.ctrlKey ? 0.01 : 0.0022));
    this.map.zoomBy(factor, ...this.place(event));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.map.stage) return;
    const { map } = this;
    const step = event.shiftKey ? 4 * STEP : STEP;
    const acts = {
      ArrowLeft: () => map.walk(step, 0),
      ArrowRight: () => map.walk(-step, 0),
      ArrowUp: () => map.walk(0, step),
      ArrowDown: () => map.walk(0, -step),
      "+": () => map.zoomBy(1.6),
      "=": () => map.zoomBy(1.6),
      "-": () => map.zoomBy(1 / 1.6),
      0: () => map.fit(),
      Home: () => map.fit(),
      m: () => map.takeTool("pan"),
      l: () => map.takeTool("lasso"),
      b: () => map.takeTool("box"),
      a: () => map.chooseInView(),
      " ": () => map.pointed >= 0 && map.toggleChosen([map.pointed]),
      Enter: () => map.pointed >= 0 && map.pin(map.pointed),
      Escape: () => map.stepBack(),
    };
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}
