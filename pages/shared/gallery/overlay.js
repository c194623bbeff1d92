// Annotations drawn over a picture: vectors in the picture's own pixels, so crisp at any size.
//
// One SVG a picture, one group an instance, and in it at most a path for the mask, a
// rectangle for the box and the paths of a pose; tiles draw hundreds of these at once.

const UNKNOWN_COLOR = "#888888";
const NOT_VISIBLE = 1; // COCO: 0 not labelled, 1 labelled but not visible, 2 visible

// `record` is what the annotations route says of the picture; `shown` says which layers
// and, by category id, which categories are drawn.
function drawOverlay(item, record, categories, shown) {
  const svg = svgElement("svg", {
    class: "overlay",
    viewBox: `0 0 ${item.width} ${item.height}`,
    preserveAspectRatio: "xMidYMid meet",
    "aria-hidden": "true",
  });
  const colors = colorsById(categories);
  const groups = annotated(record).map((one, index) => drawOne(one, index, colors));
  // The largest lies at the bottom, so that the pointer reaches every one.
  groups.sort((a, b) => b.area - a.area);
  svg.append(...groups.map(({ node }) => node));
  applyShown(svg, shown);
  return svg;
}

function applyShown(svg, shown) {
  for (const layer of ["masks", "boxes", "keypoints"]) svg.classList.toggle(`hide-${layer}`, !shown[layer]);
  for (const group of svg.children) {
    group.classList.toggle("hidden", shown.hidden.has(group.categoryId));
  }
}

// Light one instance by its index in `annotated(record)`, and dim the others; null lights none.
function lightInstance(svg, index) {
  svg.classList.toggle("lighting", index !== null);
  for (const group of svg.children) group.classList.toggle("lit", group.dataset.index === String(index));
}

// The instances, each with the keypoints of its annotation; then keypoints without an instance.
function annotated(record) {
  const poses = [...(record.keypoints || [])];
  const all = (record.instances || []).map((instance) => {
    const at = poses.findIndex((pose) => pose.id !== undefined && String(pose.id) === String(instance.id));
    return { ...instance, pose: at < 0 ? null : poses.splice(at, 1)[0] };
  });
  return [...all, ...poses.map((pose) => ({ ...pose, pose, iscrowd: pose.iscrowd || 0 }))];
}

function sizeClass(area) {
  if (!(area >= 0)) return "";
  return area < 32 ** 2 ? "small" : area < 96 ** 2 ? "medium" : "large";
}

function colorsById(categories) {
  colorsById.known ??= new WeakMap();
  if (!colorsById.known.has(categories)) {
    colorsById.known.set(categories, new Map(categories.map(({ id, color }) => [id, color])));
  }
  return colorsById.known.get(categories);
}

function drawOne(one, index, colors) {
  const mask = outline(one.segmentation);
  const [x, y, width, height] = one.bbox || [];
  const hasBox = width > 0 && height > 0;
  const node = svgElement(
    "g",
    {
      class: `instance${one.iscrowd ? " crowd" : ""}${mask ? "" : " unmasked"}`,
      "data-category": one.category_id,
      "data-index": index,
      style: `--color:${colors.get(one.category_id) || UNKNOWN_COLOR}`,
    },
    mask ? svgElement("path", { class: "mask", d: mask }) : null,
    hasBox ? svgElement("rect", { class: "box", x, y, width, height }) : null,
    ...(one.pose ? drawPose(one.pose) : []),
  );
  node.categoryId = one.category_id;
  const area = one.area ?? (hasBox ? width * height : 0);
  return { node, area: one.iscrowd ? Infinity : area };
}

// Bones first, then joints: dots are lines of no length with round ends, so they stay as
// large as they are at any zoom. A joint that is not visible has a hole.
function drawPose({ points = [], skeleton = [] }) {
  const isLabelled = (point) => point && point[2] > 0;
  const bones = skeleton
    .map(([from, to]) => [points[from - 1], points[to - 1]])
    .filter((ends) => ends.every(isLabelled))
    .map(([from, to]) => `M${from[0]} ${from[1]}L${to[0]} ${to[1]}`);
  const labelled = points.filter(isLabelled);
  const dots = (some) => some.map(([x, y]) => `M${x} ${y}h0`).join("");
  const layers = [
    ["bone halo", bones.join("")],
    ["bone", bones.join("")],
    ["joint halo", dots(labelled)],
    ["joint", dots(labelled)],
    ["joint hole", dots(labelled.filter((point) => point[2] === NOT_VISIBLE))],
  ];
  return layers.filter(([, d]) => d).map(([name, d]) => svgElement("path", { class: `pose ${name}`, d }));
}

// The path of a mask: COCO's polygons, or the outline of its runs.
function outline(segmentation) {
  if (Array.isArray(segmentation)) return segmentation.filter((polygon) => polygon.length >= 6).map(polygonPath).join("");
  return segmentation?.counts ? runsPath(segmentation) : "";
}

// After "M" each further pair is a line, so the numbers stay as they are.
function polygonPath(polygon) {
  return `M${(polygon.length % 2 ? polygon.slice(0, -1) : polygon).join(" ")}Z`;
}

// The outline of a mask in run lengths, along the edges of its pixels.
//
// COCO's runs go down the columns and start with the background. Every edge between a
// pixel inside and one outside is walked with the inside on the right; edges that follow
// one another in a straight line become one.
function runsPath({ counts, size: [height, width] }) {
  const next = new Map(); // corner -> corners that an edge leads to
  const corner = (x, y) => x * (height + 1) + y;
  const edge = (x, y, toX, toY) => {
    const from = corner(x, y);
    if (next.has(from)) next.get(from).push(corner(toX, toY));
    else next.set(from, [corner(toX, toY)]);
  };
  let before = [];
  columnsOf(counts, width, height).forEach((runs, x) => {
    for (const [top, bottom] of runs) {
      edge(x, top, x + 1, top);
      edge(x + 1, bottom, x, bottom);
    }
    for (const [top, bottom] of without(runs, before)) edge(x, bottom, x, top);
    for (const [top, bottom] of without(before, runs)) edge(x, top, x, bottom);
    before = runs;
  });
  for (const [top, bottom] of before) edge(width, top, width, bottom);
  return loops(next, height + 1);
}

// Of each column the runs inside, as [top, bottom) pairs.
function columnsOf(counts, width, height) {
  const columns = Array.from({ length: width }, () => []);
  let at = 0;
  counts.forEach((count, run) => {
    const end = at + count;
    if (run % 2 === 0) at = end;
    while (at < end) {
      const x = Math.floor(at / height);
      const stop = Math.min(end, (x + 1) * height);
      const runs = columns[x];
      const last = runs[runs.length - 1];
      if (last?.[1] === at - x * height) last[1] = stop - x * height;
      else runs.push([at - x * height, stop - x * height]);
      at = stop;
    }
  });
  return columns;
}

// The parts of the runs that the other runs do not cover; both are in order.
function without(runs, others) {
  const left = [];
  for (const [top, bottom] of runs) {
    let from = top;
    for (const [otherTop, otherBottom] of others) {
      if (otherBottom <= from || otherTop >= bottom) continue;
      if (otherTop > from) left.push([from, otherTop]);
      from = otherBottom;
    }
    if (from < bottom) left.push([from, bottom]);
  }
  return left;
}

function loops(next, columnLength) {
  const point = (at) => [Math.floor(at / columnLength), at % columnLength];
  let path = "";
  for (const start of next.keys()) {
    while (next.get(start).length) {
      const [startX, startY] = point(start);
      path += `M${startX} ${startY}`;
      let [x, y] = [startX, startY];
      let drawnX = x;
      let drawnY = y;
      for (let at = next.get(start).pop(); at !== start; at = next.get(at).pop()) {
        const [toX, toY] = point(at);
        // A turn: draw the straight line that ends here.
        if (x !== drawnX && toX === x) [path, drawnX] = [`${path}H${x}`, x];
        if (y !== drawnY && toY === y) [path, drawnY] = [`${path}V${y}`, y];
        [x, y] = [toX, toY];
      }
      if (x !== drawnX && startY !== y) path += `H${x}`;
      if (y !== drawnY && startX !== x) path += `V${y}`;
      path += "Z";
    }
  }
  return path;
}
