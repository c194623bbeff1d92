// The buttons on the map: what a drag does, nearer and farther, and what is shown.

const TOOLS = {
  pan: { words: "Move", key: "M", path: "M8 1.5v13M1.5 8h13M6 3.5 8 1.5l2 2M6 12.5l2 2 2-2M3.5 6l-2 2 2 2M12.5 6l2 2-2 2" },
  lasso: { words: "Lasso", key: "L", path: "M8 2.5c3.6 0 6 1.6 6 3.8S11.6 10 8 10s-6-1.5-6-3.7S4.4 2.5 8 2.5M5 9.500c-1.5.5-2 3 .2 3.2s1.6 1.8.6 2.3" },
  box: { words: "Box", key: "B", path: "M2.5 4V2.5H4M7 2.5h2M12 2.5h1.5V4M13.5 7v2M13.5 12v1.5H12M9 13.5H7M4 13.5H2.5V12M2.5 9V7" },
};
const WAYS = { replace: "New selection", add: "Add", remove: "Take away" };

class Toolbar {
  constructor(map) {
    this.map = map;
    this.tools = Object.entries(TOOLS).map(([tool, { words, key, path }]) =>
      element("button", { type: "button", class: "tool", title: `${words} (${key})`, "aria-label": words, "data-tool": tool, onclick: () => map.takeTool(tool) }, icon(path)),
    );
    const plain = (words, key, path, act) => element("button", { type: "button", class: "tool", title: `${words} (${key})`, "aria-label": words, onclick: act }, icon(path));
    this.zooms = [
      plain("Nearer", "+", "M8 3v10M3 8h10", () => map.zoomBy(1.6)),
      plain("Farther", "-", "M3 8h10", () => map.zoomBy(1 / 1.6)),
      plain("All of it", "0", "M2.5 6V2.5H6M10 2.5h3.500V6M13.5 10v3.500H10M6 13.5H2.5V10", () => map.fit()),
    ];
    this.only = element("button", { type: "button", class: "tool words", title: "Show the pictures of the result alone", onclick: () => map.toggleOnly() }, "Result only");
    this.ways = Object.entries(WAYS).map(([way, words]) => element("button", { type: "button", class: "tool words", "data-way": way, onclick: () => map.takeWay(way) }, words));
    this.wayGroup = element("div", { class: "group ways", role: "group", "aria-label": "What an outline does", hidden: true }, ...this.ways);
    this.node = element(
      "div",
      { class: "toolbar", role: "toolbar", "aria-label": "Map" },
      element("div", { class: "group" }, ...this.tools),
      element("div", { class: "group" }, ...this.zooms),
      this.wayGroup,
      (this.onlyGroup = element("div", { class: "group" }, this.only)),
    );
  }

  refresh() {
    const { tool, way, isOnly, data } = this.map;
    for (const button of this.tools) button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    for (const button of this.ways) button.setAttribute("aria-pressed", String(button.dataset.way === way));
    this.wayGroup.hidden = tool === "pan";
    this.only.setAttribute("aria-pressed", String(isOnly));
    this.onlyGroup.hidden = !data?.lit;
  }
}
