// Zoom and pan of the picture in its stage: by wheel, fingers, mouse, double click and keys.
//
// The frame is laid out at its real size instead of being transformed: lines that keep
// their width (overlay.js) would grow under a transform.

const ZOOM_STEP = 1.35;
const CLOSE_UP = 2.5; // a double click, times the whole picture
const MOST_PIXELS = 16; // screen pixels that one pixel of the picture can take
const MARGIN = 12;
const PAN_SHARE = 0.2; // of the stage, for one press of a key
const DRAG_FROM = 5; // pixels; less is a click
const SWIPE_FROM = 50;

class Zoom {
  // `frame` holds what is zoomed; `changed` hears of each change; `swiped` of -1 or 1.
  constructor(stage, frame, changed, swiped) {
    Object.assign(this, { stage, frame, changed, swiped });
    this.pointers = new Map();
    this.start(4, 3);
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    stage.addEventListener("dblclick", (event) => this.doubleClick(event));
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => this.up(event));
    // A drag that ends on an instance is no click on it.
    stage.addEventListener("click", (event) => this.wasDragged && event.stopPropagation(), { capture: true });
    new ResizeObserver(() => this.draw()).observe(stage);
  }

  // Show a new picture whole; the sizes are its pixels.
  start(width, height) {
    Object.assign(this, { width, height, ratio: 1, centerX: 0.5, centerY: 0.5, wasDragged: false });
    this.draw();
  }

  reset() {
    this.start(this.width, this.height);
  }

  get isZoomed() {
    return this.ratio > 1.001;
  }

  // Screen pixels of one pixel of the picture.
  get scale() {
    return this.fitScale * this.ratio;
  }

  // Zoom by a factor and keep what is at the point (of the stage; its middle if left out) there.
  by(factor, point = { x: this.stage.clientWidth / 2, y: this.stage.clientHeight / 2 }) {
    const before = this.place();
    const x = (point.x - before.left) / before.width;
    const y = (point.y - before.top) / before.height;
    this.ratio = Math.min(Math.max(1, this.ratio * factor), this.mostRatio);
    const { clientWidth, clientHeight } = this.stage;
    this.centerX = x + (clientWidth / 2 - point.x) / (this.width * this.scale);
    this.centerY = y + (clientHeight / 2 - point.y) / (this.height * this.scale);
    this.draw();
  }

  // Move the picture by screen pixels.
  pan(dx, dy) {
    this.centerX -= dx / (this.width * this.scale);
    this.centerY -= dy / (this.height * this.scale);
    this.draw();
  }

  panSteps(x, y) {
    if (this.isZoomed) this.pan(-x * PAN_SHARE * this.stage.clientWidth, -y * PAN_SHARE * this.stage.clientHeight);
  }

  // Bring a box of the picture, [x, y, width, height] in its pixels, close and to the middle.
  closeUp([x, y, width, height]) {
    const { clientWidth, clientHeight } = this.stage;
    const wanted = 0.6 * Math.min(clientWidth / Math.max(width, 1), clientHeight / Math.max(height, 1));
    this.ratio = Math.min(Math.max(1, wanted / this.fitScale), this.mostRatio);
    this.centerX = (x + width / 2) / this.width;
    this.centerY = (y + height / 2) / this.height;
    this.draw();
  }

  get fitScale() {
    const across = (this.stage.clientWidth - 2 * MARGIN) / this.width;
    const down = (this.stage.clientHeight - 2 * MARGIN) / this.height;
    return Math.max(Math.min(across, down, MOST_PIXELS), 1e-6);
  }

  get mostRatio() {
    return Math.max(MOST_PIXELS / this.fitScale, CLOSE_UP);
  }

  place() {
    const { clientWidth, clientHeight } = this.stage;
    const [width, height] = [this.width * this.scale, this.height * this.scale];
    return { width, height, left: startOf(clientWidth, width, this.centerX), top: startOf(clientHeight, height, this.centerY) };
  }

  draw() {
    this.ratio = Math.min(this.ratio, this.mostRatio);
    const { left, top, width, height } = this.place();
    // What the edges did not allow is forgotten, so that the way back starts at once.
    this.centerX = (this.stage.clientWidth / 2 - left) / width;
    this.centerY = (this.stage.clientHeight / 2 - top) / height;
    Object.assign(this.frame.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    this.stage.classList.toggle("zoomed", this.isZoomed);
    this.stage.classList.toggle("pixels", this.scale > 3);
    this.changed(this);
  }

  wheel(event) {
    const away = event.deltaY > 0;
    if (away && !this.isZoomed) return; // the page may scroll
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    // A pinch on a touchpad comes as a wheel with Ctrl, in small steps.
    const speed = event.ctrlKey ? 0.01 : 0.002;
    this.by(Math.exp(-Math.max(-300, Math.min(300, event.deltaY * lines)) * speed), this.pointOf(event));
  }

  doubleClick(event) {
    if (event.target.closest("button")) return;
    event.preventDefault();
    if (this.isZoomed) this.reset();
    else this.by(CLOSE_UP, this.pointOf(event));
  }

  down(event) {
    if (event.button !== 0 || event.target.closest("button")) return;
    this.wasDragged = false;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.from = { x: event.clientX, y: event.clientY };
    this.wasPinched = this.pointers.size > 1;
    this.wasDragged ||= this.wasPinched;
  }

  move(event) {
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    const isFar = Math.hypot(event.clientX - this.from.x, event.clientY - this.from.y) > DRAG_FROM;
    if (!this.wasDragged && !isFar) return;
    if (!this.wasDragged) this.stage.setPointerCapture(event.pointerId);
    this.wasDragged = true;
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    const now = { x: event.clientX, y: event.clientY };
    if (others.length) this.pinch(last, now, others[0]);
    else if (this.isZoomed) this.pan(now.x - last.x, now.y - last.y);
    this.pointers.set(event.pointerId, now);
  }

  pinch(last, now, other) {
    const gap = (point) => Math.max(1, Math.hypot(point.x - other.x, point.y - other.y));
    const middle = { clientX: (now.x + other.x) / 2, clientY: (now.y + other.y) / 2 };
    this.pan((now.x - last.x) / 2, (now.y - last.y) / 2);
    this.by(gap(now) / gap(last), this.pointOf(middle));
  }

  up(event) {
    const isOnly = this.pointers.size === 1 && this.pointers.has(event.pointerId);
    this.pointers.delete(event.pointerId);
    const isSwipe = isOnly && event.type === "pointerup" && event.pointerType === "touch";
    if (!isSwipe || this.wasPinched || this.isZoomed) return;
    const [dx, dy] = [event.clientX - this.from.x, event.clientY - this.from.y];
    if (Math.abs(dx) > SWIPE_FROM && Math.abs(dx) > 2 * Math.abs(dy)) this.swiped(dx < 0 ? 1 : -1);
  }

  pointOf(event) {
    const box = this.stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }
}

// Where the picture starts along one side: in the middle while it fits, else so that it
// leaves no room empty.
function startOf(room, length, center) {
  if (length <= room) return (room - length) / 2;
  return Math.min(MARGIN, Math.max(room - length - MARGIN, room / 2 - center * length));
}
