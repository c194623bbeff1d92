// What the colours mean. A click on a class takes its points away or brings them back.

class Legend {
  constructor(map) {
    this.map = map;
    this.title = element("summary", {});
    this.list = element("ul", {});
    this.all = element("button", { type: "button", class: "quiet-button", hidden: true, onclick: () => this.map.showClasses() }, "Show all");
    this.node = element("details", { class: "legend", open: true }, this.title, this.list, this.all);
  }

  show({ title, entries }) {
    this.entries = entries;
    setText(this.title, title);
    this.buttons = entries.map((entry, place) =>
      element(
        "button",
        {
          type: "button",
          class: "class",
          title: "Click to hide or show; double-click for this one alone",
          onclick: () => this.map.toggleClass(place),
          ondblclick: () => this.map.showOnly(place),
          onpointerenter: (event) => event.pointerType === "mouse" && this.map.pointAtClass(place),
          onpointerleave: () => this.map.pointAtClass(null),
        },
        element("i", { class: `swatch ${entry.shape}`, "aria-hidden": "true" }),
        element("span", { class: "class-name" }, entry.name),
        element("span", { class: "class-count" }, grouped(entry.count)),
      ),
    );
    this.list.replaceChildren(...this.buttons.map((button) => element("li", {}, button)));
    this.refresh();
  }

  refresh() {
    const { hidden } = this.map;
    this.buttons.forEach((button, place) => {
      button.setAttribute("aria-pressed", String(!hidden.has(place)));
      button.querySelector(".swatch").style.background = hexOf(this.map.colourOf(place));
    });
    this.all.hidden = !hidden.size;
  }
}
