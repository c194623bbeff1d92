// An outline drawn round points, by hand or as a box, in pixels and in the map's coordinates.

const LEAST_STEP = 3; // pixels between corners

class Lasso {
  constructor() {
    this.path = svgElement("path", {});
    this.node = svgElement("svg", { class: "lasso", "aria-hidden": "true" }, this.path);
    this.corners = null;
  }

  get isDrawn() {
    return this.corners !== null;
  }

  begin(left, top, isBox) {
    this.isBox = isBox;
    this.corners = [[left, top]];
    this.draw();
  }

  moveTo(left, top) {
    const [lastLeft, lastTop] = this.corners.at(-1);
    if (this.isBox) {
      const [first] = this.corners;
      this.corners = [first, [left, first[1]], [left, top], [first[0], top]];
    } else if (Math.hypot(left - lastLeft, top - lastTop) >= LEAST_STEP) this.corners.push([left, top]);
    this.draw();
  }

  // The outline in the map's coordinates; null when it encloses nothing.
  end(camera) {
    const { corners } = this;
    this.abandon();
    const across = (at) => Math.max(...corners.map((corner) => corner[at])) - Math.min(...corners.map((corner) => corner[at]));
    if (corners.length < 3 || across(0) < LEAST_STEP || across(1) < LEAST_STEP) return null;
    return corners.map(([left, top]) => camera.toMap(left, top));
  }

  abandon() {
    this.corners = null;
    this.draw();
  }

  draw() {
    this.path.setAttribute("d", this.corners ? `M${this.corners.map((corner) => corner.map(Math.round).join(" ")).join("L")}Z` : "");
  }
}
