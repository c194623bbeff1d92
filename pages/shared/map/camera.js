// What part of the map is in view: its middle, and how many pixels a unit of the map is.

const MOST_ZOOM = 250;
const MARGIN = 34; // pixels left free round all points

class Camera {
  constructor() {
    Object.assign(this, { x: 0.5, y: 0.5, width: 1, height: 1, zoom: 1, fitted: 1, covered: { top: 0, right: 0 } });
  }

  // `covered` are the pixels at the top and the right that lie under buttons.
  resize(width, height, extent, covered) {
    Object.assign(this, { width, height, extent, covered });
    const across = Math.max(1e-4, extent.right - extent.left);
    const up = Math.max(1e-4, extent.top - extent.bottom);
    const free = [width - covered.right - 2 * MARGIN, height - covered.top - 2 * MARGIN];
    this.fitted = Math.max(20, Math.min(free[0] / across, free[1] / up, 20 * Math.max(width, height)));
  }

  get scale() {
    return this.fitted * this.zoom;
  }

  fit() {
    this.zoom = 1;
    this.x = (this.extent.left + this.extent.right + this.covered.right / this.scale) / 2;
    this.y = (this.extent.bottom + this.extent.top + this.covered.top / this.scale) / 2;
  }

  toScreen(x, y) {
    return [this.width / 2 + (x - this.x) * this.scale, this.height / 2 - (y - this.y) * this.scale];
  }

  toMap(left, top) {
    return [this.x + (left - this.width / 2) / this.scale, this.y - (top - this.height / 2) / this.scale];
  }

  panBy(right, down) {
    this.x -= right / this.scale;
    this.y += down / this.scale;
    this.hold();
  }

  // What is under the pointer stays there.
  zoomAt(left, top, factor) {
    const [x, y] = this.toMap(left, top);
    this.zoom = Math.min(MOST_ZOOM, Math.max(0.6, this.zoom * factor));
    const [nowX, nowY] = this.toMap(left, top);
    this.x += x - nowX;
    this.y += y - nowY;
    this.hold();
  }

  // Some of the map is always in view.
  hold() {
    const { left, right, bottom, top } = this.extent;
    this.x = Math.min(right + this.covered.right / this.scale, Math.max(left, this.x));
    this.y = Math.min(top + this.covered.top / this.scale, Math.max(bottom, this.y));
  }

  box() {
    const [left, top] = this.toMap(0, 0);
    const [right, bottom] = this.toMap(this.width, this.height);
    return { left, right, bottom, top };
  }
}
