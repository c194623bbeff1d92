// The line over the histogram of scores: the count follows it here, Python hears where it
// was let go.

const FEWEST_BINS = 12;
const MOST_BINS = 60;
const HEIGHT = 80;
const STEP = 1 / 200; // of the width, for an arrow key

export default function (component) {
  const { parentElement } = component;
  const line = (parentElement.cutLine ??= new CutLine(parentElement.querySelector(".cut")));
  line.update(component);
  return () => line.forget();
}

class CutLine {
  constructor(root) {
    this.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.svg.setAttribute("aria-hidden", "true");
    this.paths = ["all", "passing", "kept"].map((name) => {
      const path = document.createElementNS(this.svg.namespaceURI, "path");
      path.setAttribute("class", name);
      this.svg.append(path);
      return path;
    });
    this.line = node("div", "line");
    this.plot = node("div", "plot", this.svg, this.line);
    this.lowEnd = node("span", "low");
    this.highEnd = node("span", "high");
    this.count = node("div", "count");
    this.plot.tabIndex = 0;
    this.plot.setAttribute("role", "slider");
    this.plot.setAttribute("aria-label", "Lowest score shown");
    root.append(this.plot, node("div", "ends", this.lowEnd, this.highEnd), this.count);
    this.plot.addEventListener("pointerdown", (event) => this.take(event));
    this.plot.addEventListener("pointermove", (event) => this.isHeld && this.moveTo(event));
    this.plot.addEventListener("pointerup", () => this.letGo());
    this.plot.addEventListener("pointercancel", () => this.abandon());
    this.plot.addEventListener("keydown", (event) => this.key(event));
    this.plot.addEventListener("keyup", (event) => this.isKey(event.key) && this.letGo());
    this.plot.addEventListener("blur", () => this.letGo());
    this.arrived = () => this.draw();
    window.addEventListener("cocosift-scores", this.arrived);
  }

  update({ data, setTriggerValue }) {
    this.data = data;
    this.send = setTriggerValue;
    window.addEventListener("cocosift-scores", this.arrived);
    if (!this.isHeld) this.wish = null;
    this.draw();
  }

  forget() {
    window.removeEventListener("cocosift-scores", this.arrived);
  }

  // The scores may come a moment after the cut, or belong to the query before.
  get scores() {
    const scores = window.cocosiftScores;
    return scores?.key === this.data.key && scores.all.length ? scores : null;
  }

  draw() {
    const scores = this.scores;
    this.plot.style.visibility = scores ? "" : "hidden";
    if (!scores) return;
    if (this.drawn !== this.data.key) this.measure(scores);
    this.drawn = this.data.key;
    this.drawCut();
  }

  measure({ all, passing }) {
    this.high = all[0];
    this.low = all[all.length - 1];
    this.span = this.high - this.low || 1;
    this.nBins = Math.round(Math.min(MOST_BINS, Math.max(FEWEST_BINS, Math.sqrt(all.length))));
    this.svg.setAttribute("viewBox", `0 0 ${this.nBins} ${HEIGHT}`);
    this.bins = [all, passing].map((values) => this.histogram(values));
    const most = Math.sqrt(Math.max(...this.bins[0], 1));
    this.heights = this.bins.map((bins) => bins.map((n) => (n ? Math.max(1.5, (HEIGHT * Math.sqrt(n)) / most) : 0)));
    this.paths[0].setAttribute("d", bars(this.heights[0], 0));
    this.paths[1].setAttribute("d", bars(this.heights[1], 0));
    this.lowEnd.textContent = this.low.toFixed(3);
    this.highEnd.textContent = this.high.toFixed(3);
    this.plot.setAttribute("aria-valuemin", this.low.toFixed(4));
    this.plot.setAttribute("aria-valuemax", this.high.toFixed(4));
  }

  histogram(values) {
    const bins = new Array(this.nBins).fill(0);
    for (const value of values) bins[Math.min(this.nBins - 1, Math.floor((this.nBins * (value - this.low)) / this.span))] += 1;
    return bins;
  }

  drawCut() {
    const score = this.wish ? this.lowestOf(this.wish) : this.shownLowest();
    const share = Math.min(1, Math.max(0, (score - this.low) / this.span));
    this.line.style.left = `${100 * share}%`;
    this.paths[2].setAttribute("d", bars(this.heights[1], share * this.nBins));
    const n = countFrom(this.scores.passing, score);
    const words = this.words(this.wish ?? this.data, score, n);
    this.count.replaceChildren(...words);
    this.plot.setAttribute("aria-valuenow", score.toFixed(4));
    this.plot.setAttribute("aria-valuetext", this.count.textContent);
  }

  words({ kind, value }, score, n) {
    const pictures = (number) => `${number.toLocaleString("en-US")} ${number === 1 ? "picture" : "pictures"}`;
    const bold = document.createElement("b");
    if (!this.scores.passing.length) return ["Nothing passes the filters."];
    if (kind === "top") {
      bold.textContent = `top ${Math.min(value, this.scores.passing.length).toLocaleString("en-US")}`;
      return [bold, `, down to ${score.toFixed(3)}`];
    }
    bold.textContent = pictures(n);
    const from = kind === "score" ? ` from score ${score.toFixed(4)}` : ` from percentile ${value} (score ${score.toFixed(3)})`;
    return [bold, from];
  }

  // Where the line stands before anybody moves it.
  shownLowest() {
    const { kind, value, lowest } = this.data;
    if (kind === "top") return lowest ?? this.high;
    return this.lowestOf({ kind, value });
  }

  // The lowest score that a cut lets through, as core.ranking has it.
  lowestOf({ kind, value }) {
    const { all, passing } = this.scores;
    if (kind === "top") return passing.length ? passing[Math.min(value, passing.length) - 1] : this.high;
    if (kind === "score") return Math.fround(value);
    const place = (1 - value / 100) * (all.length - 1);
    const above = Math.floor(place);
    const below = Math.min(above + 1, all.length - 1);
    return Math.fround(all[above] + (all[below] - all[above]) * (place - above));
  }

  // The cut of the present kind at a score; rounded, so that it reads well in an address.
  cutAt(score) {
    const { all, passing } = this.scores;
    const { kind } = this.data;
    if (kind === "top") return { kind, value: Math.max(1, countFrom(passing, score)) };
    if (kind === "score") return { kind, value: Number(score.toFixed(4)) };
    const place = all.length > 1 ? (countFrom(all, score) - 1) / (all.length - 1) : 0;
    const percentile = Math.floor(10_000 * (1 - Math.max(0, place))) / 100;
    return { kind, value: Math.min(100, Math.max(0, percentile)) };
  }

  take(event) {
    if (!this.scores || event.button) return;
    this.isHeld = true;
    this.plot.setPointerCapture(event.pointerId);
    this.moveTo(event);
  }

  moveTo(event) {
    const { left, width } = this.plot.getBoundingClientRect();
    this.move(this.low + (this.span * Math.min(width, Math.max(0, event.clientX - left))) / width);
  }

  move(score) {
    this.score = score;
    this.wish = this.cutAt(score);
    this.drawCut();
  }

  letGo() {
    this.isHeld = false;
    const wish = this.wish;
    if (!wish || this.sent === wish || wish.value === this.data.value) return;
    this.sent = wish;
    this.send("cut", wish);
  }

  abandon() {
    this.isHeld = false;
    this.wish = null;
    this.drawCut();
  }

  isKey(key) {
    return ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"].includes(key);
  }

  key(event) {
    if (event.key === "Escape" && this.wish) return this.abandon();
    if (!this.scores || !this.isKey(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (!this.wish) this.score = this.shownLowest();
    const step = this.span * STEP * (event.key.startsWith("Page") ? 10 : 1);
    const isUp = ["ArrowRight", "ArrowUp", "PageUp"].includes(event.key);
    const score = { Home: this.low, End: this.high }[event.key] ?? this.score + (isUp ? step : -step);
    this.move(Math.min(this.high, Math.max(this.low, score)));
  }
}

function node(tag, name, ...children) {
  const made = document.createElement(tag);
  made.className = name;
  made.append(...children);
  return made;
}

function bars(heights, from) {
  let path = "";
  heights.forEach((height, bin) => {
    const left = Math.max(bin, from);
    const right = bin + 0.9;
    if (height && left < right) path += `M${left} ${HEIGHT}V${HEIGHT - height}H${right}V${HEIGHT}Z`;
  });
  return path;
}

// How many of scores, sorted downwards, are at least so high.
function countFrom(sorted, score) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] >= score) low = middle + 1;
    else high = middle;
  }
  return low;
}
