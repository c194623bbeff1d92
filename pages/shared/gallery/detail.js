// One picture large, with its annotations, captions and source.

class Detail {
  constructor(gallery) {
    this.gallery = gallery;
    this.shown = { masks: true, boxes: true, hidden: new Set() };
    this.records = new Map();
    this.stage = element("div", { class: "stage" });
    this.heading = element("h2", {});
    this.side = element("div", { class: "side" });
    this.pick = element("button", { type: "button", class: "plain", "aria-pressed": "false", onclick: () => this.togglePick() });
    this.dialog = element(
      "dialog",
      { class: "detail", "aria-label": "Picture", onkeydown: (event) => this.key(event), onclick: (event) => this.closeOutside(event) },
      element(
        "header",
        {},
        this.heading,
        this.pick,
        this.arrow("‹", "Previous picture (←)", -1),
        this.arrow("›", "Next picture (→)", 1),
        element("button", { type: "button", class: "plain icon", "aria-label": "Close", title: "Close (Esc)", onclick: () => this.dialog.close() }, "✕"),
      ),
      element("div", { class: "content" }, this.stage, this.side),
    );
    this.dialog.addEventListener("close", () => gallery.focusTile(this.position));
  }

  arrow(sign, label, step) {
    return element("button", { type: "button", class: "plain icon", "aria-label": label, title: label, onclick: () => this.show(this.position + step) }, sign);
  }

  open(position) {
    this.show(position);
    if (!this.dialog.open) this.dialog.showModal();
  }

  async show(position) {
    const items = this.gallery.items;
    if (position < 0 || position >= items.length) return;
    this.position = position;
    this.overlay = null;
    const item = items[position];
    this.heading.replaceChildren(
      element("span", { class: "score" }, [`${grouped(item.rank)} of ${grouped(items.length)}`, scoreText(item)].filter(Boolean).join(" · ")),
      element("span", { class: "file" }, item.file),
    );
    this.refreshPick();
    const picture = element("img", { src: item.picture, alt: item.caption || item.file });
    picture.addEventListener("error", async () => {
      picture.replaceWith(element("p", { class: "missing" }, await reasonFrom(item.picture)));
    });
    const frame = element("div", { class: "frame", style: `--ratio:${ratioOf(item)}` }, picture);
    this.stage.replaceChildren(frame);
    this.side.replaceChildren(element("p", { class: "quiet" }, "Reading its annotations…"));
    const record = await this.record(item);
    if (this.position !== position) return;
    if (item.width > 0 && item.height > 0) {
      this.overlay = drawOverlay(item, record.instances || [], this.gallery.colors, this.shown);
      frame.append(this.overlay);
    }
    this.side.replaceChildren(...this.facts(item, record));
  }

  async record(item) {
    if (!this.records.has(item.id)) {
      const response = await fetch(item.annotations).catch(() => null);
      const record = response?.ok ? await response.json() : { error: "Its annotations cannot be read just now." };
      if (record.error) return record;
      this.records.set(item.id, record);
    }
    return this.records.get(item.id);
  }

  facts(item, record) {
    if (record.error) return [element("p", { class: "missing" }, record.error)];
    const parts = [];
    if (record.captions?.length) {
      parts.push(element("h3", {}, "Captions"), element("ul", { class: "captions" }, ...record.captions.map((text) => element("li", {}, text))));
    }
    if (record.instances?.length) parts.push(...this.legend(record.instances));
    else if (this.gallery.hasInstances) parts.push(element("p", { class: "quiet" }, "No instances are annotated in this picture."));
    parts.push(element("h3", {}, "Picture"), this.source(item, record));
    return parts;
  }

  legend(instances) {
    const counts = new Map();
    for (const { category } of instances) counts.set(category, (counts.get(category) || 0) + 1);
    const rows = [...counts].map(([category, count]) =>
      this.toggle(`${category}`, !this.shown.hidden.has(category), (on) => {
        if (on) this.shown.hidden.delete(category);
        else this.shown.hidden.add(category);
      }, this.gallery.colors[category], count),
    );
    return [
      element("h3", {}, plural(instances.length, "instance", "instances")),
      element("div", { class: "toggles" }, ...rows),
      element(
        "div",
        { class: "toggles" },
        this.toggle("Masks", this.shown.masks, (on) => (this.shown.masks = on)),
        this.toggle("Boxes", this.shown.boxes, (on) => (this.shown.boxes = on)),
      ),
    ];
  }

  toggle(label, on, change, color = null, count = null) {
    const box = element("input", { type: "checkbox", checked: on });
    box.addEventListener("change", () => {
      change(box.checked);
      if (this.overlay) applyShown(this.overlay, this.shown);
    });
    return element(
      "label",
      { class: "toggle" },
      box,
      color ? element("i", { class: "swatch", style: `background:${color}` }) : null,
      label,
      count ? element("span", { class: "quiet" }, ` ${grouped(count)}`) : null,
    );
  }

  source(item, record) {
    const rows = [
      ["Image id", String(item.id)],
      ["Size", item.width > 0 ? `${item.width} × ${item.height} px` : "not stated"],
    ];
    if (record.license) rows.push(["Licence", link(record.license.url, record.license.name)]);
    rows.push(["File", link(item.picture, "Open the original")]);
    return element("dl", {}, ...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  }

  togglePick() {
    this.gallery.pick(this.position, false);
    this.refreshPick();
  }

  refreshPick() {
    const picked = this.gallery.isPicked(this.position);
    this.pick.setAttribute("aria-pressed", String(picked));
    this.pick.textContent = picked ? "✓ Selected" : "Select";
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowRight") this.show(this.position + 1);
    else if (event.key === "ArrowLeft") this.show(this.position - 1);
    else if (event.key === "s" || event.key === "S") this.togglePick();
    else return;
    event.preventDefault();
  }

  closeOutside(event) {
    if (event.target === this.dialog) this.dialog.close();
  }
}

function link(url, text) {
  if (!/^(https?:\/\/|\/)/.test(url || "")) return text;
  return element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text);
}
