// The picture of the point under the pointer; a click keeps it open, with what can be done.

const AWAY = 16; // pixels from the point

class Preview {
  constructor(map) {
    this.map = map;
    this.image = element("img", { alt: "", decoding: "async", onerror: () => this.fail() });
    this.missing = element("p", { class: "missing", hidden: true }, "This picture cannot be shown.");
    this.file = element("div", { class: "file" });
    this.facts = element("div", { class: "facts" });
    const action = (text, act) => element("button", { type: "button", class: "plain", onclick: () => act(this.point) }, text);
    this.pick = action("Select", (point) => map.toggleChosen([point]));
    this.actions = element(
      "div",
      { class: "actions" },
      action("Open on Search", (point) => map.ask("open", [point])),
      action("Search with it", (point) => map.ask("like", [point])),
      this.pick,
    );
    this.close = element("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => map.unpin() }, "✕");
    this.node = element("div", { class: "preview", hidden: true }, this.image, this.missing, this.file, this.facts, this.actions, this.close);
    this.point = -1;
    this.loadSoon = calmed(() => this.load(), 60);
  }

  show(point, isPinned) {
    if (point !== this.point) {
      this.point = point;
      this.image.removeAttribute("src");
      this.missing.hidden = true;
      this.image.hidden = false;
      if (point >= 0) this.loadSoon();
    }
    this.node.hidden = point < 0;
    this.node.classList.toggle("pinned", isPinned);
    if (isPinned) {
      this.node.setAttribute("role", "group");
      this.node.setAttribute("aria-label", `Picture ${this.map.fileOf(point)}`);
    } else {
      this.node.removeAttribute("role");
      this.node.removeAttribute("aria-label");
    }
    if (point >= 0) this.refresh();
  }

  refresh() {
    const { map, point } = this;
    setText(this.file, map.fileOf(point));
    this.file.title = map.fileOf(point);
    setText(this.facts, map.factsOf(point).join(" · "));
    setText(this.pick, map.points.state[point] & CHOSEN ? "Unselect" : "Select");
    this.place();
  }

  load() {
    if (this.point < 0) return;
    const { base, version } = this.map.data;
    this.image.src = `${base}/images/${this.map.points.ids[this.point]}/thumbnail?size=320&v=${version}`;
  }

  fail() {
    if (!this.image.getAttribute("src")) return;
    this.image.hidden = true;
    this.missing.hidden = false;
  }

  place() {
    const { camera, points } = this.map;
    if (this.point < 0) return;
    const [left, top] = camera.toScreen(points.x(this.point), points.y(this.point));
    const { offsetWidth: width, offsetHeight: height } = this.node;
    const isRight = left + AWAY + width <= camera.width;
    const at = isRight ? left + AWAY : left - AWAY - width;
    this.node.style.left = `${Math.min(camera.width - width - 6, Math.max(6, at))}px`;
    this.node.style.top = `${Math.min(camera.height - height - 6, Math.max(6, top - height / 2))}px`;
  }
}
