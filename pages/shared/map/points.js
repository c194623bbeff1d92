// The points of a map: where each is, what it is, and which lies where. All coordinates go from
// 0 to 1, y upwards.

const LIT = 1;
const CHOSEN = 2;
const POINTED = 4;

class Points {
  constructor(text, ids) {
    this.at = shortsOf(text);
    this.ids = ids;
    this.n = ids.length;
    this.mixed = mixed(this.n);
    this.classes = new Uint8Array(this.n);
    this.state = new Uint8Array(this.n);
    this.shown = new Uint8Array(this.n).fill(1);
    this.measure();
    this.sortIntoCells();
  }

  x(point) {
    return this.at[2 * point] / FAR;
  }

  y(point) {
    return this.at[2 * point + 1] / FAR;
  }

  measure() {
    let [left, bottom, right, top] = [FAR, FAR, 0, 0];
    for (let point = 0; point < this.n; point++) {
      const x = this.at[2 * point];
      const y = this.at[2 * point + 1];
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < bottom) bottom = y;
      if (y > top) top = y;
    }
    this.extent = this.n ? { left: left / FAR, bottom: bottom / FAR, right: right / FAR, top: top / FAR } : { left: 0, bottom: 0, right: 1, top: 1 };
  }

  // A grid of cells, each with the points in it: what is near is found without looking at all.
  sortIntoCells() {
    this.side = Math.max(1, Math.ceil(Math.sqrt(this.n / 2)));
    const cellOf = new Uint32Array(this.n);
    this.starts = new Uint32Array(this.side * this.side + 1);
    for (let point = 0; point < this.n; point++) {
      cellOf[point] = this.cell(this.y(point)) * this.side + this.cell(this.x(point));
      this.starts[cellOf[point] + 1] += 1;
    }
    for (let cell = 0; cell < this.side * this.side; cell++) this.starts[cell + 1] += this.starts[cell];
    const next = this.starts.slice(0, -1);
    this.inCells = new Uint32Array(this.n);
    for (let point = 0; point < this.n; point++) this.inCells[next[cellOf[point]]++] = point;
  }

  cell(value) {
    return Math.min(this.side - 1, Math.max(0, Math.floor(value * this.side)));
  }

  // Calls `see` with each shown point of the cells that a box touches.
  eachNear({ left, bottom, right, top }, see) {
    if (right < 0 || left > 1 || top < 0 || bottom > 1) return;
    const [firstColumn, lastColumn] = [this.cell(left), this.cell(right)];
    for (let row = this.cell(bottom); row <= this.cell(top); row++) {
      const from = this.starts[row * this.side + firstColumn];
      const to = this.starts[row * this.side + lastColumn + 1];
      for (let place = from; place < to; place++) if (this.shown[this.inCells[place]]) see(this.inCells[place]);
    }
  }

  // The shown point nearest to a place and at most `radius` from it; -1 for none.
  nearest(x, y, radius) {
    let best = -1;
    let least = radius * radius;
    this.eachNear({ left: x - radius, bottom: y - radius, right: x + radius, top: y + radius }, (point) => {
      const distance = (this.x(point) - x) ** 2 + (this.y(point) - y) ** 2;
      // What is lit lies on top.
      const isBetter = distance < least || (distance === least && this.state[point] & LIT);
      if (isBetter) [best, least] = [point, distance];
    });
    return best;
  }

  // The shown points inside an outline of [x, y] corners, as Layout.inside of core/map has it.
  inside(outline) {
    const xs = outline.map(([x]) => x);
    const ys = outline.map(([, y]) => y);
    const box = { left: Math.min(...xs), right: Math.max(...xs), bottom: Math.min(...ys), top: Math.max(...ys) };
    const found = [];
    this.eachNear(box, (point) => {
      if (isInside(this.x(point), this.y(point), xs, ys)) found.push(point);
    });
    return found;
  }

  // Which points are drawn, the first below all others: in grey, in colour, lit, chosen.
  order(isRest) {
    const layers = [[], [], [], []];
    for (const point of this.mixed) {
      if (!this.shown[point]) continue;
      const state = this.state[point];
      layers[state & CHOSEN ? 3 : state & LIT ? 2 : isRest(this.classes[point]) ? 0 : 1].push(point);
    }
    return Uint32Array.from(layers.flat());
  }

  mark(flag, points) {
    for (let point = 0; point < this.n; point++) this.state[point] &= ~flag;
    for (const point of points) this.state[point] |= flag;
  }

  marked(flag) {
    const found = [];
    for (let point = 0; point < this.n; point++) if (this.state[point] & flag) found.push(point);
    return found;
  }
}

function isInside(x, y, xs, ys) {
  let inside = false;
  for (let at = 0, before = xs.length - 1; at < xs.length; before = at++) {
    const crosses = ys[at] > y !== ys[before] > y;
    if (crosses && x < xs[before] + ((y - ys[before]) * (xs[at] - xs[before])) / (ys[at] - ys[before])) inside = !inside;
  }
  return inside;
}
