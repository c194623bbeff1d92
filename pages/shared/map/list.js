// The map as a list, for those who do not see it and for whoever likes lists better.

class RegionList {
  constructor(map) {
    this.map = map;
    this.body = element("tbody", {});
    const heads = ["Words of its captions", "Pictures", "In the result", ""].map((text) => element("th", { scope: "col" }, text));
    this.table = element("table", {}, element("thead", {}, element("tr", {}, ...heads)), this.body);
    this.title = element("summary", {}, "The map as a list");
    this.node = element("details", { class: "list", ontoggle: () => this.fill() }, this.title, this.table);
  }

  show(regions, regionOf) {
    this.regions = regions;
    this.regionOf = regionOf;
    this.node.hidden = !regions.length;
    setText(this.title, `The map as a list: ${plural(regions.length, "region", "regions")}`);
    this.fill();
  }

  pointsOf(place) {
    const found = [];
    this.regionOf.forEach((region, point) => region === place && found.push(point));
    return found;
  }

  fill() {
    if (!this.node.open || !this.regions) return;
    const { points, data } = this.map;
    const lit = new Array(this.regions.length).fill(0);
    for (const point of points.marked(LIT)) lit[this.regionOf[point]] += 1;
    this.body.replaceChildren(
      ...this.regions.map((region, place) => {
        const name = region.words.join(", ") || "no word stands out";
        const button = element("button", { type: "button", class: "plain", "aria-label": `Select the region ${name}`, onclick: () => this.map.choose(this.pointsOf(place)) }, "Select");
        const cells = [grouped(region.count), data.lit ? grouped(lit[place]) : "–", button];
        return element("tr", {}, element("th", { scope: "row" }, name), ...cells.map((cell) => element("td", {}, cell)));
      }),
    );
  }
}
