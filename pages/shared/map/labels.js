// Names of regions over the points: the largest first, and no two over one another. The nearer
// one looks, the smaller regions have their say.

const ZOOM_OF_LEVEL = [0, 1.7, 4];
const AREA_OF_NAME = 26_000; // square pixels for each name at most
const APART = 3;
const LARGE = 90; // pixels from the middle of a region to its top

class Labels {
  constructor() {
    this.node = element("div", { class: "labels", "aria-hidden": "true" });
    this.names = [];
  }

  show(regions) {
    this.node.replaceChildren();
    this.names = regions
      .filter((region) => region.words.length)
      .map((region) => ({ ...region, text: region.words.join(" · ") }))
      .map((region) => ({ ...region, span: element("span", { class: `name level-${region.level}` }, region.text) }));
    this.node.append(...this.names.map(({ span }) => span));
    for (const name of this.names) [name.width, name.height] = [name.span.offsetWidth, name.span.offsetHeight];
    for (const { span } of this.names) span.hidden = true;
  }

  place(camera, taken) {
    const boxes = [...taken];
    const said = new Set();
    const most = Math.max(3, Math.floor((camera.width * camera.height) / AREA_OF_NAME));
    for (const name of this.names) {
      const isWanted = said.size < most && camera.zoom >= ZOOM_OF_LEVEL[name.level] && !said.has(name.text);
      const places = isWanted ? this.boxesOf(name, camera) : [];
      const box = places.find((place) => !boxes.some((other) => overlap(place, other)));
      name.span.hidden = !box;
      if (!box) continue;
      boxes.push(box);
      said.add(name.text);
      name.span.style.transform = `translate(${Math.round(box.left + APART)}px, ${Math.round(box.top + APART)}px)`;
    }
  }

  // A name stands over its region or else under its middle; in the middle of one that is large
  // on the screen.
  boxesOf({ x, y, rise, width, height }, camera) {
    const [left, middle] = camera.toScreen(x, y);
    const up = rise * camera.scale;
    const isInView = left > 0 && left < camera.width && middle > 0 && middle < camera.height;
    if (!isInView || !width) return [];
    // At the rim a name moves inwards rather than be cut.
    const start = Math.min(camera.width - width - 4, Math.max(4, left - width / 2));
    const tops = up < LARGE ? [middle - up - height - 8, middle - height / 2, middle + 0.6 * up] : [middle - height / 2];
    return tops.map((top) => {
      const above = Math.min(camera.height - height - 4, Math.max(4, top));
      return { left: start - APART, top: above - APART, right: start + width + APART, bottom: above + height + APART };
    });
  }
}

function overlap(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}
