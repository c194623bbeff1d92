// The line over the tiles: where one is, in which order, how large, and what is drawn on them.

const LAYER_KINDS = { boxes: "instances", masks: "instances", keypoints: "keypoints", captions: "captions" };
const LAYER_NAMES = { boxes: "Boxes", masks: "Masks", keypoints: "Keypoints", captions: "Captions" };

class Toolbar {
  constructor(gallery) {
    this.gallery = gallery;
    this.where = element("span", { class: "where" });
    this.sort = element("select", { "aria-label": "Sort by", onchange: () => gallery.arrange({ sort: this.sort.value }) });
    this.seed = element("input", {
      type: "number",
      class: "seed",
      min: 0,
      max: MAX_SEED,
      "aria-label": "Seed of the random order",
      title: "Seed: the same number gives the same order",
      onchange: () => this.seedChanged(),
    });
    this.again = this.button("Shuffle", "Another random order", "M2 5h3l6 6h3M2 11h3l1.5-1.5M9.5 6.5 11 5h3M12 3l2 2-2 2M12 9l2 2-2 2", () => this.shuffle());
    this.rows = this.button("Rows", "Rows: pictures in their own shape", "M1.5 3h8v4h-8zM11.5 3h3v4h-3zM1.5 9h3v4h-3zM6.5 9h8v4h-8z", () => gallery.arrange({ layout: "rows" }));
    this.grid = this.button("Grid", "Grid: cells of one size", "M2 3h5v4H2zM9 3h5v4H9zM2 9h5v4H2zM9 9h5v4H9z", () => gallery.arrange({ layout: "grid" }));
    this.size = element("input", {
      type: "range",
      class: "size",
      min: SIZES.least,
      max: SIZES.most,
      step: 10,
      "aria-label": "Size of the pictures",
      title: "Size of the pictures (+ and −)",
      oninput: () => gallery.resize(Number(this.size.value)),
    });
    this.layers = new Map(
      LAYERS.map((layer) => [layer, element("button", { type: "button", class: "chip", "aria-pressed": "false", onclick: () => gallery.toggleLayer(layer) }, LAYER_NAMES[layer])]),
    );
    this.help = element("button", { type: "button", class: "tool", "aria-label": "Keys", title: "Keys (?)", onclick: () => openHelp(gallery) }, "?");
    this.categories = element("div", { class: "categories", role: "group", "aria-label": "Categories in view" });
    this.node = element(
      "div",
      { class: "toolbar" },
      element(
        "div",
        { class: "tools", role: "group", "aria-label": "View" },
        this.where,
        element("span", { class: "cluster" }, this.sort, this.seed, this.again),
        element("span", { class: "cluster" }, this.rows, this.grid, this.size),
        element("span", { class: "cluster layers", role: "group", "aria-label": "Draw on the pictures" }, ...this.layers.values()),
        this.help,
      ),
      this.categories,
    );
  }

  button(label, title, path, onclick) {
    return element("button", { type: "button", class: "tool", "aria-label": label, title, onclick }, icon(path));
  }

  refresh() {
    const { display, kinds, hasScores, isListed } = this.gallery;
    const order = hasScores ? SORTS.score : isListed ? "As listed" : "Dataset order";
    const sorts = Object.keys(SORTS).filter((sort) => sort !== "instances" || kinds.includes("instances"));
    if (this.sort.childElementCount !== sorts.length || this.sort.dataset.order !== order) {
      const name = (sort) => (sort === "score" ? order : SORTS[sort]);
      this.sort.replaceChildren(...sorts.map((sort) => element("option", { value: sort }, name(sort))));
      this.sort.dataset.order = order;
    }
    this.sort.value = display.sort;
    this.seed.hidden = this.again.hidden = display.sort !== "random";
    this.seed.value = display.seed;
    this.rows.setAttribute("aria-pressed", String(display.layout === "rows"));
    this.grid.setAttribute("aria-pressed", String(display.layout === "grid"));
    this.size.value = this.gallery.tileSize();
    for (const [layer, chip] of this.layers) {
      chip.hidden = !kinds.includes(LAYER_KINDS[layer]);
      chip.setAttribute("aria-pressed", String(this.gallery.shown[layer]));
    }
  }

  // The pictures [first, end) are on the screen.
  place(first, end, count) {
    const range = first + 1 < end ? `${grouped(first + 1)}–${grouped(end)}` : grouped(end);
    setText(this.where, count ? `${range} of ${grouped(count)}` : "No pictures");
  }

  // The categories of the records in view, the most frequent first, and those that are hidden.
  list(records) {
    const { shown, categories } = this.gallery;
    const isDrawn = shown.boxes || shown.masks || shown.keypoints;
    this.categories.hidden = !isDrawn;
    if (!isDrawn) return;
    const counts = new Map();
    for (const { category_id: id } of records.flatMap((record) => record.instances || [])) counts.set(id, (counts.get(id) || 0) + 1);
    for (const id of shown.hidden) if (!counts.has(id)) counts.set(id, 0);
    const known = categories.filter(({ id }) => counts.has(id));
    known.sort((a, b) => counts.get(b.id) - counts.get(a.id) || a.id - b.id);
    const ids = known.map(({ id }) => `${id}:${counts.get(id)}`).join();
    if (ids !== this.listed) {
      const active = this.gallery.root.activeElement?.dataset?.category;
      this.categories.replaceChildren(...known.map((category) => this.categoryChip(category, counts.get(category.id))));
      if (active) this.categories.querySelector(`[data-category="${active}"]`)?.focus();
      this.listed = ids;
    }
    for (const chip of this.categories.children) chip.setAttribute("aria-pressed", String(!shown.hidden.has(Number(chip.dataset.category))));
  }

  categoryChip({ id, name, color }, count) {
    return element(
      "button",
      { type: "button", class: "chip", "data-category": id, title: `Draw ${name}`, onclick: () => this.gallery.toggleCategory(id) },
      element("i", { class: "dot", style: `background:${color}` }),
      name,
      element("span", { class: "quiet" }, grouped(count)),
    );
  }

  seedChanged() {
    const seed = Math.round(Number(this.seed.value));
    if (seed >= 0 && seed <= MAX_SEED) this.gallery.arrange({ seed });
    else this.refresh();
  }

  shuffle() {
    this.gallery.arrange({ seed: Math.floor(Math.random() * 10_000) });
  }
}
