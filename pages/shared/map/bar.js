// Under the map: how many pictures are selected, and what can be done with them.

class Bar {
  constructor(map) {
    this.map = map;
    this.count = element("span", { class: "count", role: "status" });
    this.open = element("button", { type: "button", class: "primary", onclick: () => map.askChosen("open") }, "Open on Search");
    this.name = element("input", { type: "text", maxlength: "200", placeholder: "Name of the subset", "aria-label": "Name of the subset" });
    this.save = element("form", { class: "save", onsubmit: (event) => this.saveChosen(event) }, this.name, element("button", { type: "submit", class: "plain" }, "Save as subset"));
    this.clear = element("button", { type: "button", class: "plain", onclick: () => map.choose([]) }, "Clear");
    this.actions = element("div", { class: "chosen", hidden: true }, this.open, this.save, this.clear);
    this.said = element("span", { class: "said", role: "status" });
    this.node = element("div", { class: "bar" }, this.count, this.actions, this.said);
  }

  saveChosen(event) {
    event.preventDefault();
    this.map.askChosen("save", { name: this.name.value.trim() });
  }

  refresh() {
    const { chosen } = this.map;
    this.actions.hidden = !chosen.length;
    const words = chosen.length ? `${plural(chosen.length, "picture", "pictures")} selected` : this.map.words();
    setText(this.count, words);
    this.node.classList.toggle("has-chosen", chosen.length > 0);
  }

  // What became of a wish: Python answers it by its number.
  answer(said) {
    this.said.classList.toggle("missing", Boolean(said?.error));
    const link = said?.href ? element("a", { href: said.href }, "Show it in Subsets") : null;
    this.said.replaceChildren(...[said?.error || said?.text || "", link].filter(Boolean));
    if (said?.text) this.name.value = "";
  }
}
