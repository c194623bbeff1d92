// The component: keeps one map an element and gives it what Python sends.

const HINT = "Scroll or pinch to come nearer. Drag with Shift, or with the lasso, to select.";
const DIMMED = 0.2;
const SHAPES = ["circle", "square", "triangle", "diamond"];
const ASIDE = 0.12; // of the other classes while one is pointed at in the legend

class EmbeddingsMap {
  constructor(root, component) {
    this.root = root;
    this.component = component;
    this.node = root.querySelector(".map");
    this.hidden = new Set();
    this.chosen = [];
    this.pointed = this.pinned = -1;
    this.pointedClass = null;
    this.tool = "pan";
    this.way = "replace";
    this.isOnly = false;
    this.requests = 0;
    this.camera = new Camera();
    this.build();
    try {
      this.renderer = new Renderer(this.canvas);
    } catch {
      this.fallBack();
    }
    this.hand = new Hand(this);
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.stage);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.onScheme = () => this.themeSoon();
    this.themeSoon = calmed(() => this.recolour(), 100);
    this.scheme.addEventListener("change", this.onScheme);
    this.voiceSoon = calmed(() => this.announce(), 350);
  }

  build() {
    this.canvas = element("canvas", {
      "aria-hidden": "true",
      onwebglcontextlost: (event) => event.preventDefault(),
      onwebglcontextrestored: () => this.restore(),
    });
    this.lasso = new Lasso();
    this.labels = new Labels();
    this.toolbar = new Toolbar(this);
    this.legend = new Legend(this);
    this.preview = new Preview(this);
    this.bar = new Bar(this);
    this.list = new RegionList(this);
    this.cross = element("div", { class: "cross", "aria-hidden": "true", hidden: true });
    this.stage = element("div", { class: "stage", tabindex: "0", role: "application", "aria-roledescription": "map" }, this.canvas, this.labels.node, this.lasso.node, this.cross);
    this.note = element("p", { class: "note missing", hidden: true });
    this.voice = element("div", { class: "voice", "aria-live": "polite" });
    this.frame = element("div", { class: "frame" }, this.stage, this.toolbar.node, this.legend.node, this.preview.node);
    this.node.append(this.note, this.frame, this.bar.node, this.list.node, this.voice);
  }

  // Without WebGL 2 the list is all there is.
  fallBack() {
    this.renderer = null;
    this.frame.classList.add("without-canvas");
    this.note.hidden = false;
    setText(this.note, "This browser cannot draw the map, because it has no WebGL 2. The regions are listed below, and pictures can be selected there.");
    this.list.node.open = true;
  }

  close() {
    this.sizes.disconnect();
    this.scheme.removeEventListener("change", this.onScheme);
    this.themeSoon.cancel();
    this.voiceSoon.cancel();
    this.preview.loadSoon.cancel();
    cancelAnimationFrame(this.frameAsked);
    // A browser keeps only so many contexts.
    this.renderer?.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  update(component) {
    this.component = component;
    const { data } = component;
    const before = this.data;
    this.data = data;
    const isNewMap = before?.points !== data.points || before?.ids !== data.ids;
    if (isNewMap) this.showPoints(before);
    if (isNewMap || before.colour_key !== data.colour_key) this.showClassesOf(data);
    if (isNewMap) this.showWhole();
    if (isNewMap || before.regions_key !== data.regions_key) {
      this.labels.show(data.regions);
      this.list.show(data.regions.filter(({ level }) => level === data.list_level), bytesOf(data.region_of));
    }
    if (isNewMap || before.lit !== data.lit) this.points.mark(LIT, data.lit ? setBits(bitsOf(data.lit, this.points.n)) : []);
    if (isNewMap || before.scores?.values !== data.scores?.values) this.scores = data.scores ? shortsOf(data.scores.values) : null;
    this.frame.classList.toggle("nameless", !data.labels);
    if (!data.lit) this.isOnly = false;
    this.bar.answer(data.said);
    this.describe();
    this.changed();
    this.list.fill();
  }

  // The selection stays where pictures stay, whatever the method.
  showPoints(before) {
    const chosen = new Set(before ? this.chosen.map((point) => this.points.ids[point]) : []);
    const { ids } = unpackIds(this.data.ids);
    this.points = new Points(this.data.points, ids);
    this.chosen = [];
    ids.forEach((id, point) => chosen.has(id) && this.chosen.push(point));
    this.points.mark(CHOSEN, this.chosen);
    this.pointed = this.pinned = -1;
    this.preview.show(-1, false);
    this.renderer?.setPoints(this.points);
  }

  showWhole() {
    this.resize();
    if (this.camera.width > 1) this.camera.fit();
  }

  showClassesOf(data) {
    this.points.classes.set(bytesOf(data.classes));
    this.hidden = new Set();
    this.pointedClass = null;
    this.legend.show(data.legend);
  }

  describe() {
    const { n } = this.points;
    const { lit, legend } = this.data;
    const result = lit ? `, ${grouped(this.points.marked(LIT).length)} of them in the result` : "";
    this.stage.setAttribute("aria-label", `Map of ${plural(n, "picture", "pictures")}${result}, coloured by ${legend.title.toLowerCase()}. Arrow keys move, plus and minus come nearer and farther, Enter opens the picture in the middle, A selects all in view. A list follows.`);
  }

  words() {
    if (!this.data) return "";
    const { n } = this.points;
    const shown = this.points.shown.reduce((sum, value) => sum + value, 0);
    const lit = this.data.lit ? ` · ${grouped(this.points.marked(LIT).length)} in the result` : "";
    const some = shown < n ? `${grouped(shown)} of ` : "";
    return `${some}${plural(n, "picture", "pictures")}${lit}. ${HINT}`;
  }

  // Something of what is shown, lit or chosen is another: everything is drawn anew.
  changed() {
    const { points } = this;
    for (let point = 0; point < points.n; point++) {
      points.shown[point] = !this.hidden.has(points.classes[point]) && (!this.isOnly || points.state[point] & LIT) ? 1 : 0;
    }
    const { entries } = this.data.legend;
    this.renderer?.setClasses(points);
    this.renderer?.setOrder(points.order((place) => entries[place]?.rest));
    this.point(this.pointed >= 0 && points.shown[this.pointed] ? this.pointed : -1);
    this.refresh();
  }

  refresh() {
    this.legend.refresh();
    this.toolbar.refresh();
    this.bar.refresh();
    this.stage.dataset.tool = this.tool;
    this.stage.dataset.chosen = this.chosen.length;
    this.drawSoon();
  }

  recolour() {
    if (!this.data) return;
    this.legend.refresh();
    this.drawSoon();
  }

  resize() {
    const { clientWidth, clientHeight } = this.stage;
    if (!clientWidth || !this.points) return;
    const isFirst = this.camera.width <= 1;
    this.camera.resize(clientWidth, clientHeight, this.points.extent, this.covered());
    if (isFirst) this.camera.fit();
    this.drawSoon();
  }

  restore() {
    this.renderer.build();
    this.renderer.setPoints(this.points);
    this.changed();
  }

  drawSoon() {
    if (!this.frameAsked) this.frameAsked = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frameAsked = 0;
    if (!this.points || this.camera.width <= 1) return;
    const theme = themeOf(this.node);
    const { points } = this;
    this.renderer?.draw(this.camera, {
      colours: this.colours(theme),
      shapes: this.shapes(),
      size: this.pointSize(),
      dimmed: this.data.lit ? DIMMED : 1,
      ink: theme.ink,
      accent: theme.accent,
    });
    if (this.data.labels) this.labels.place(this.camera, this.taken());
    if (this.preview.point >= 0) this.preview.place();
    this.stage.dataset.drawn = points.n;
    this.stage.dataset.view = [this.camera.x, this.camera.y, this.camera.scale].map((value) => value.toPrecision(8)).join(" ");
  }

  covered() {
    const isBeside = this.stage.clientWidth > 640;
    return { top: 40, right: isBeside ? this.legend.node.offsetWidth : 0 };
  }

  // The corners of the map that buttons cover.
  taken() {
    const stage = this.stage.getBoundingClientRect();
    const over = [this.toolbar.node, this.legend.node].filter((node) => getComputedStyle(node).position === "absolute");
    return over.map((node) => {
      const { left, top, right, bottom } = node.getBoundingClientRect();
      return { left: left - stage.left, top: top - stage.top, right: right - stage.left, bottom: bottom - stage.top };
    });
  }

  // Many points are small; whoever comes nearer sees them larger.
  pointSize() {
    const room = Math.sqrt((this.camera.width * this.camera.height) / Math.max(1, this.points.n));
    return Math.min(15, Math.max(2.2, 0.24 * room) * Math.sqrt(Math.max(1, this.camera.zoom)) ** 0.9);
  }

  colourOf(place, theme = themeOf(this.node)) {
    const entry = this.data.legend.entries[place];
    if (entry.rest) return mix(theme.ink, theme.ground, 0.58);
    const [light, dark = light] = entry.colours;
    return rgbOf(theme.isDark ? dark : light);
  }

  colours(theme) {
    const found = new Float32Array(4 * MOST_COLOURS);
    this.data.legend.entries.forEach((entry, place) => {
      const isAside = this.pointedClass !== null && this.pointedClass !== place;
      const alpha = (entry.rest ? 0.55 : 0.9) * (isAside ? ASIDE : 1);
      found.set([...this.colourOf(place, theme), alpha], 4 * place);
    });
    return found;
  }

  shapes() {
    const found = new Uint32Array(MOST_COLOURS);
    this.data.legend.entries.forEach(({ shape }, place) => (found[place] = SHAPES.indexOf(shape)));
    return found;
  }

  panBy(right, down) {
    this.camera.panBy(right, down);
    this.drawSoon();
  }

  zoomBy(factor, left = this.camera.width / 2, top = this.camera.height / 2) {
    this.camera.zoomAt(left, top, factor);
    this.drawSoon();
  }

  fit() {
    this.camera.fit();
    this.drawSoon();
  }

  // By keys: what stands in the middle is pointed at.
  walk(right, down) {
    this.panBy(right, down);
    this.cross.hidden = false;
    const { width, height } = this.camera;
    this.pointAt(this.pointNear(width / 2, height / 2, 60));
    this.voiceSoon();
  }

  pointNear(left, top, reach) {
    if (!this.points) return -1;
    return this.points.nearest(...this.camera.toMap(left, top), reach / this.camera.scale);
  }

  pointAt(point) {
    if (this.pinned >= 0 || point === this.pointed) return;
    this.point(point);
    this.drawSoon();
  }

  point(point) {
    const before = this.pointed;
    if (before >= 0 && before < this.points.n) this.points.state[before] &= ~POINTED;
    if (point >= 0) this.points.state[point] |= POINTED;
    this.pointed = point;
    this.renderer?.setPointed(this.points, point, before);
    this.stage.classList.toggle("on-point", point >= 0);
    this.preview.show(point, this.pinned >= 0 && this.pinned === point);
  }

  click(point, { add, remove }) {
    this.cross.hidden = true;
    if (point >= 0 && (add || remove)) this.toggleChosen([point]);
    else if (point >= 0) this.pin(point);
    else this.unpin();
  }

  pin(point) {
    this.pinned = -1;
    this.point(point);
    this.pinned = point;
    this.preview.show(point, true);
    this.drawSoon();
  }

  unpin() {
    this.pinned = -1;
    this.pointAt(-1);
    this.drawSoon();
  }

  stepBack() {
    if (this.lasso.isDrawn) this.lasso.abandon();
    else if (this.pinned >= 0) this.unpin();
    else if (this.tool !== "pan") this.takeTool("pan");
    else this.choose([]);
  }

  takeTool(tool) {
    this.tool = tool;
    this.refresh();
  }

  takeWay(way) {
    this.way = way;
    this.refresh();
  }

  toggleOnly() {
    this.isOnly = !this.isOnly;
    this.changed();
  }

  toggleClass(place) {
    if (!this.hidden.delete(place)) this.hidden.add(place);
    this.changed();
  }

  showOnly(place) {
    this.hidden = new Set(this.data.legend.entries.keys());
    this.hidden.delete(place);
    this.changed();
  }

  showClasses() {
    this.hidden.clear();
    this.changed();
  }

  pointAtClass(place) {
    this.pointedClass = place;
    this.drawSoon();
  }

  chooseInside(outline, way) {
    this.choose(this.points.inside(outline), way);
  }

  chooseInView() {
    const { left, right, bottom, top } = this.camera.box();
    this.chooseInside([[left, bottom], [right, bottom], [right, top], [left, top]], this.way);
  }

  toggleChosen(points) {
    const isChosen = points.every((point) => this.points.state[point] & CHOSEN);
    this.choose(points, isChosen ? "remove" : "add");
  }

  choose(points, way = "replace") {
    const chosen = new Set(way === "replace" ? [] : this.chosen);
    for (const point of points) way === "remove" ? chosen.delete(point) : chosen.add(point);
    this.chosen = [...chosen].sort((one, other) => one - other);
    this.points.mark(CHOSEN, this.chosen);
    this.bar.answer(null);
    this.changed();
  }

  fileOf(point) {
    const id = this.points.ids[point];
    const { files } = this.data;
    return files ? `${files.before}${String(id).padStart(files.digits, "0")}${files.after}` : `Picture ${id}`;
  }

  factsOf(point) {
    const { legend, scores, lit } = this.data;
    const facts = [];
    const value = this.scores?.[point] ?? NO_SCORE;
    if (value !== NO_SCORE) facts.push(`score ${(scores.low + (value / (NO_SCORE - 1)) * (scores.high - scores.low)).toFixed(3)}`);
    const entry = legend.entries[this.points.classes[point]];
    if (entry && !entry.rest && legend.by !== "score") facts.push(entry.name);
    if (lit && this.points.state[point] & LIT) facts.push("in the result");
    return facts;
  }

  announce() {
    if (this.pointed >= 0) setText(this.voice, `${this.fileOf(this.pointed)}, ${this.factsOf(this.pointed).join(", ")}`);
  }

  ask(action, points, more = {}) {
    const request = `${Date.now()}-${(this.requests += 1)}`;
    this.component.setTriggerValue("ask", { action, ids: packIds(points.map((point) => this.points.ids[point])), request, ...more });
  }

  askChosen(action, more = {}) {
    if (this.chosen.length) this.ask(action, this.chosen, more);
  }
}

function setBits(flags) {
  const found = [];
  for (let at = 0; at < flags.length; at++) if (flags[at]) found.push(at);
  return found;
}

const maps = new WeakMap();

export default function render(component) {
  const root = component.parentElement;
  if (!maps.has(root)) maps.set(root, new EmbeddingsMap(root, component));
  maps.get(root).update(component);
  return () => {
    maps.get(root)?.close();
    maps.delete(root);
  };
}
