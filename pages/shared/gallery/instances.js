// The instances of one picture: which layers and categories are drawn, and a table of them.

const INSTANCE_COLUMNS = [
  { name: "category", title: "Category", order: (one) => one.category ?? "", text: (one) => one.category },
  { name: "area", title: "Area, px²", order: (one) => one.area ?? -1, text: (one) => (one.area >= 0 ? grouped(Math.round(one.area)) : "–") },
  { name: "size", title: "Size", hint: "COCO's sizes: small below 32² px, large from 96² px", order: (one) => one.area ?? -1, text: (one) => sizeClass(one.area) },
  { name: "crowd", title: "Crowd", order: (one) => (one.iscrowd ? 1 : 0), text: (one) => (one.iscrowd ? "crowd" : "") },
];

class Instances {
  // `on` hears of what a person wants: light(index), closeUp(index), layer(name, isOn), category(id, isOn).
  constructor(on) {
    this.on = on;
    this.sort = { column: "area", isDown: true };
    this.rows = [];
    this.node = element("section", { class: "instances", "aria-label": "Instances" });
  }

  // `all` as `annotated` gives it; `shown` as for `drawOverlay`.
  show(all, categories, shown) {
    this.all = all.map((one, index) => ({ ...one, index }));
    this.colors = colorsById(categories);
    this.layers = this.makeLayers();
    this.categories = this.makeCategories();
    this.table = element("table", {
      class: "instance-table",
      onkeydown: (event) => this.key(event),
      onfocusin: (event) => this.lightRow(event),
      onfocusout: () => this.on.light(null),
      onpointerover: (event) => this.lightRow(event),
      onpointerleave: (event) => event.pointerType === "mouse" && this.on.light(null),
    });
    this.node.replaceChildren(
      element("h3", {}, plural(all.length, "instance", "instances")),
      element("div", { class: "toggles" }, ...this.layers.map(({ node }) => node)),
      element("div", { class: "toggles" }, ...this.categories.map(({ node }) => node)),
      this.table,
    );
    this.drawTable();
    this.refresh(shown);
  }

  refresh(shown) {
    if (!this.all) return;
    for (const { name, box } of this.layers) box.checked = shown[name];
    for (const { id, box } of this.categories) box.checked = !shown.hidden.has(id);
    for (const { row, one } of this.rows) row.classList.toggle("off", shown.hidden.has(one.category_id));
  }

  light(index) {
    for (const { row, one } of this.rows) row.classList.toggle("lit", one.index === index);
  }

  // Bring the row of an instance into sight where the table scrolls beside the picture; under
  // the picture, on a small screen, that would take the picture away.
  reveal(index) {
    const isBeside = !matchMedia("(max-width: 720px)").matches;
    if (isBeside) this.rows.find(({ one }) => one.index === index)?.row.scrollIntoView({ block: "nearest" });
  }

  makeLayers() {
    const has = (test) => this.all.some(test);
    const layers = [
      ["masks", "Masks", has((one) => outline(one.segmentation))],
      ["boxes", "Boxes", has((one) => one.bbox)],
      ["keypoints", "Keypoints", has((one) => one.pose)],
    ];
    return layers
      .filter(([, , isThere]) => isThere)
      .map(([name, title]) => ({ name, ...toggle((isOn) => this.on.layer(name, isOn), title) }));
  }

  makeCategories() {
    const counts = new Map();
    for (const one of this.all) {
      const known = counts.get(one.category_id) || { name: one.category, count: 0 };
      counts.set(one.category_id, { ...known, count: known.count + 1 });
    }
    return [...counts].map(([id, { name, count }]) => ({
      id,
      ...toggle((isOn) => this.on.category(id, isOn), swatch(this.colors.get(id)), element("bdi", {}, String(name)), element("span", { class: "quiet" }, grouped(count))),
    }));
  }

  drawTable() {
    const head = INSTANCE_COLUMNS.map((column) => this.headCell(column));
    const column = INSTANCE_COLUMNS.find(({ name }) => name === this.sort.column);
    const sign = this.sort.isDown ? -1 : 1;
    const sorted = [...this.all].sort((a, b) => sign * compare(column.order(a), column.order(b)) || a.index - b.index);
    this.rows = sorted.map((one) => ({ one, row: this.makeRow(one) }));
    // One stop of the Tab key for the whole table; the arrows go on from there.
    this.rows.forEach(({ row }, at) => (row.querySelector("button").tabIndex = at === 0 ? 0 : -1));
    this.table.replaceChildren(
      element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...this.rows.map(({ row }) => row)),
    );
  }

  headCell({ name, title, hint }) {
    const isSorted = this.sort.column === name;
    const direction = this.sort.isDown ? "descending" : "ascending";
    const arrow = isSorted ? (this.sort.isDown ? " ↓" : " ↑") : "";
    const button = element("button", { type: "button", title: hint || `Sort by ${title.toLowerCase()}`, onclick: () => this.sortBy(name) }, title, element("span", { "aria-hidden": "true" }, arrow));
    return element("th", { scope: "col", class: name, "aria-sort": isSorted ? direction : "none" }, button);
  }

  makeRow(one) {
    const [first, ...rest] = INSTANCE_COLUMNS;
    const button = element(
      "button",
      { type: "button", title: "Zoom to it", "aria-label": `${instanceWords(one)}. Zoom to it`, onclick: () => this.on.closeUp(one.index) },
      swatch(this.colors.get(one.category_id)),
      element("bdi", {}, String(first.text(one))),
    );
    return element(
      "tr",
      { "data-index": one.index },
      element("th", { scope: "row" }, button),
      ...rest.map((column) => element("td", { class: column.name }, column.text(one))),
    );
  }

  sortBy(name) {
    const isSame = this.sort.column === name;
    this.sort = { column: name, isDown: isSame ? !this.sort.isDown : name !== "category" };
    const off = new Set(this.rows.filter(({ row }) => row.classList.contains("off")).map(({ one }) => one.index));
    this.drawTable();
    for (const { row, one } of this.rows) row.classList.toggle("off", off.has(one.index));
    this.table.querySelector(`thead th.${name} button`).focus();
  }

  lightRow(event) {
    const row = event.target.closest("tbody tr");
    this.on.light(row ? Number(row.dataset.index) : null);
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const here = this.rows.findIndex(({ row }) => row.contains(event.target));
    if (!step || here < 0 || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const to = this.rows[here + step]?.row.querySelector("button");
    if (!to) return;
    this.rows[here].row.querySelector("button").tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  }
}

// Such as "dog, 1,250 px², medium" or "crowd of person, 20,000 px², large".
function instanceWords(one) {
  const name = one.iscrowd ? `crowd of ${one.category}` : String(one.category);
  const area = one.area >= 0 ? `${grouped(Math.round(one.area))} px²` : "";
  return [name, area, sizeClass(one.area)].filter(Boolean).join(", ");
}

function toggle(change, ...label) {
  const box = element("input", { type: "checkbox" });
  box.addEventListener("change", () => change(box.checked));
  return { box, node: element("label", { class: "toggle" }, box, ...label) };
}

function swatch(color) {
  return element("i", { class: "swatch", style: `background:${color || UNKNOWN_COLOR}` });
}

function compare(a, b) {
  return typeof a === "string" ? a.localeCompare(b) : a - b;
}
