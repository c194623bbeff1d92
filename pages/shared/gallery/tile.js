// One tile: the picture with what is drawn over it, a circle that picks it, a button that
// leaves it out, and a line with its rank, score and file name.

const LARGE_FROM = 360; // wider than this, a tile takes the large thumbnail on any screen

class Tile {
  constructor(gallery, item) {
    this.gallery = gallery;
    this.image = element("img", { alt: "", decoding: "async", draggable: "false" });
    this.caption = element("span", { class: "hover-caption", "aria-hidden": "true" });
    this.open = element("button", { class: "open", type: "button", tabindex: "-1" }, this.image, this.caption);
    this.pick = element("button", { class: "pick", type: "button", role: "checkbox", tabindex: "-1", title: "Select (Space)" });
    this.drop = element("button", { class: "drop", type: "button", tabindex: "-1", "aria-pressed": "false" }, icon("M4 4 12 12M12 4 4 12"));
    this.rank = element("span", { class: "rank" });
    this.score = element("span", { class: "score", title: "Similarity of picture and query" });
    this.more = element("span", { class: "like" });
    this.file = element("bdi", {});
    this.fileBox = element("span", { class: "file" }, this.file);
    this.node = element(
      "li",
      { class: "tile" },
      this.open,
      this.pick,
      this.drop,
      element("div", { class: "legend" }, this.rank, this.score, this.more, this.fileBox),
    );
    this.node.tile = this;
    this.image.addEventListener("error", () => this.explain());
    this.become(item);
  }

  // The same picture may come back with another rank or score.
  become(item) {
    const isSame = this.item?.id === item.id;
    this.item = item;
    this.node.dataset.id = item.id;
    setText(this.rank, grouped(item.rank));
    setText(this.score, scoreText(item));
    this.score.hidden = item.score === null;
    const alike = this.gallery.duplicates[item.id]?.length || 0;
    setText(this.more, alike ? `+${grouped(alike)}` : "");
    this.more.title = alike ? `${plural(alike, "near-duplicate is", "near-duplicates are")} hidden; open the picture to see` : "";
    this.more.hidden = !alike;
    setText(this.file, item.file);
    this.fileBox.title = item.file;
    this.label = null;
    if (!isSame) this.forgetRecord();
  }

  place(place, position, isLazy) {
    const style = this.node.style;
    style.left = `${place.left[position]}px`;
    style.top = `${place.top[position]}px`;
    style.width = `${place.width[position]}px`;
    this.open.style.height = `${place.height[position]}px`;
    this.width = place.width[position];
    if (isLazy) this.image.loading = "lazy";
    if (this.isLoading) this.load();
  }

  load() {
    this.isLoading = true;
    const base = `${this.gallery.base}/images/${this.item.id}/thumbnail`;
    const address = (size) => `${base}?size=${size}&v=${this.item.version || this.gallery.version}`;
    const size = this.width > LARGE_FROM ? 640 : 320;
    if (this.image.dataset.size === String(size)) return;
    this.image.dataset.size = size;
    this.image.srcset = `${address(size)} 1x, ${address(640)} 2x`;
    this.image.src = address(size);
  }

  // A tile that goes gives up its request, so that those in view do not wait for it.
  leave() {
    if (!this.image.complete) this.image.srcset = this.image.src = "";
    this.node.remove();
  }

  mark(isPicked, isExcluded) {
    const { item } = this;
    if (this.label !== null && this.isPicked === isPicked && this.isExcluded === isExcluded) return;
    this.isPicked = isPicked;
    this.isExcluded = isExcluded;
    this.node.classList.toggle("picked", isPicked);
    this.node.classList.toggle("excluded", isExcluded);
    this.pick.setAttribute("aria-checked", String(isPicked));
    this.pick.setAttribute("aria-label", `Select ${item.file}`);
    this.drop.setAttribute("aria-pressed", String(isExcluded));
    this.drop.setAttribute("aria-label", `Leave out ${item.file}`);
    this.drop.title = isExcluded ? "Take back (X)" : "Leave out (X)";
    const what = this.record?.captions?.[0] || item.file;
    const where = item.score === null ? "" : `Rank ${item.rank}, score ${scoreText(item)}. `;
    const state = isPicked ? ". Selected" : isExcluded ? ". Left out" : "";
    this.label = `${where}Open: ${what}${state}`;
    this.open.setAttribute("aria-label", this.label);
  }

  forgetRecord() {
    this.record = null;
    setText(this.caption, "");
    this.overlay?.remove();
    this.overlay = null;
  }

  describe(record, shown) {
    if (record !== this.record) {
      this.forgetRecord();
      this.record = record;
      this.label = null;
      setText(this.caption, record.captions?.[0] || "");
      this.image.alt = record.captions?.[0] || this.item.file;
      this.mark(this.isPicked, this.isExcluded);
    }
    this.overlaid(shown);
  }

  overlaid(shown) {
    const isWanted = (shown.boxes || shown.masks || shown.keypoints) && this.item.width > 0 && this.item.height > 0;
    if (!isWanted || !this.record?.parts.has("instances")) {
      this.overlay?.remove();
      this.overlay = null;
    } else if (this.overlay) applyShown(this.overlay, shown);
    else {
      this.overlay = drawOverlay(this.item, this.record, this.gallery.categories, shown);
      this.image.after(this.overlay);
    }
  }

  async explain() {
    if (!this.image.getAttribute("src")) return;
    const note = element("span", { class: "missing" }, "This picture cannot be had.");
    const source = this.image.src;
    this.image.replaceWith(note);
    note.textContent = await reasonFrom(source);
  }
}
