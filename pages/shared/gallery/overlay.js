// Annotations drawn over a picture: vectors in the picture's own pixels, so crisp at any size.

function drawOverlay(image, instances, colors, shown) {
  const svg = svgElement("svg", {
    class: "overlay",
    viewBox: `0 0 ${image.width} ${image.height}`,
    preserveAspectRatio: "xMidYMid meet",
    "aria-hidden": "true",
  });
  const largestFirst = [...instances].sort((a, b) => b.area - a.area);
  for (const instance of largestFirst) {
    svg.append(drawInstance(image, instance, colors[instance.category] || "#888888"));
  }
  applyShown(svg, shown);
  return svg;
}

function drawInstance(image, instance, color) {
  const name = instance.iscrowd ? `${instance.category} (crowd)` : instance.category;
  const group = svgElement(
    "g",
    { class: "instance", "data-category": instance.category, style: `--color:${color}` },
    svgElement("title", {}, `${name}, ${grouped(Math.round(instance.area))} px²`),
  );
  if (Array.isArray(instance.segmentation)) {
    for (const polygon of instance.segmentation) {
      group.append(svgElement("polygon", { class: "mask", points: pairs(polygon) }));
    }
  } else if (instance.segmentation?.counts) {
    group.append(rleImage(image, instance.segmentation, color));
  }
  const [x, y, width, height] = instance.bbox || [];
  if (width > 0 && height > 0) {
    group.append(svgElement("rect", { class: "box", x, y, width, height }));
  }
  return group;
}

function pairs(polygon) {
  const points = [];
  for (let i = 0; i + 1 < polygon.length; i += 2) points.push(`${polygon[i]},${polygon[i + 1]}`);
  return points.join(" ");
}

// COCO's run lengths go down the columns and start with the background.
function rleImage(image, rle, color) {
  const [height, width] = rle.size;
  const canvas = element("canvas", { width, height });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  let at = 0;
  rle.counts.forEach((count, run) => {
    if (run % 2 === 1) {
      for (let i = at; i < at + count; i++) {
        const offset = 4 * ((i % height) * width + Math.floor(i / height));
        pixels.data.set([red, green, blue, 110], offset);
      }
    }
    at += count;
  });
  context.putImageData(pixels, 0, 0);
  return svgElement("image", { class: "mask", href: canvas.toDataURL(), width: image.width, height: image.height });
}

function applyShown(svg, shown) {
  svg.classList.toggle("hide-masks", !shown.masks);
  svg.classList.toggle("hide-boxes", !shown.boxes);
  for (const group of svg.querySelectorAll(".instance")) {
    group.classList.toggle("hidden", shown.hidden.has(group.dataset.category));
  }
}
