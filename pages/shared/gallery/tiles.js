// The tiles: one picture each with its rank, score and file name, and a box to pick it.

function makeTile(gallery, item, position) {
  const label = item.caption || item.file;
  const image = element("img", {
    src: item.thumbnail,
    srcset: `${item.thumbnail} 1x, ${item.thumbnail2x} 2x`,
    alt: label,
    loading: position < 24 ? "eager" : "lazy",
    decoding: "async",
    draggable: "false",
  });
  const open = element(
    "button",
    {
      class: "open",
      type: "button",
      tabindex: position === 0 ? "0" : "-1",
      title: item.caption || null,
      "aria-label": item.score === null ? `Open: ${label}` : `Rank ${item.rank}, score ${scoreText(item)}. Open: ${label}`,
      onclick: () => gallery.openDetail(position),
    },
    image,
    item.caption ? element("span", { class: "hover-caption", "aria-hidden": "true" }, item.caption) : null,
  );
  const pick = element("button", {
    class: "pick",
    type: "button",
    role: "checkbox",
    tabindex: "-1",
    "aria-checked": "false",
    "aria-label": `Select ${item.file}`,
    title: "Select (Space)",
    onclick: (event) => gallery.pick(position, event.shiftKey),
  });
  image.addEventListener("error", () => explainMissing(open, image, item), { once: true });
  const ratio = item.width / item.height;
  return element(
    "li",
    { class: "tile", "data-id": item.id, style: `--ratio:${ratio.toFixed(4)}` },
    open,
    pick,
    element(
      "div",
      { class: "legend" },
      element("span", { class: "rank" }, grouped(item.rank)),
      item.score === null ? null : element("span", { class: "score", title: "Cosine similarity of picture and query" }, scoreText(item)),
      element("span", { class: "file", title: item.file }, element("bdi", {}, item.file)),
    ),
  );
}

async function explainMissing(open, image, item) {
  const note = element("span", { class: "missing" }, "This picture cannot be had.");
  image.replaceWith(note);
  note.textContent = await reasonFrom(item.thumbnail);
}

// Arrow keys walk the tiles as they stand on the screen; Space picks, Enter opens.
function moveFocus(gallery, event) {
  const opens = [...gallery.list.querySelectorAll(".open")];
  const here = opens.indexOf(gallery.root.activeElement);
  if (here < 0) return;
  let to = here;
  if (event.key === "ArrowRight") to = here + 1;
  else if (event.key === "ArrowLeft") to = here - 1;
  else if (event.key === "ArrowDown") to = neighbourRow(opens, here, 1);
  else if (event.key === "ArrowUp") to = neighbourRow(opens, here, -1);
  else if (event.key === "Home") to = 0;
  else if (event.key === "End") to = opens.length - 1;
  else if (event.key === " ") {
    event.preventDefault();
    gallery.pick(here, event.shiftKey);
    return;
  } else return;
  event.preventDefault();
  if (to < 0 || to >= opens.length) return;
  opens[here].tabIndex = -1;
  opens[to].tabIndex = 0;
  opens[to].focus();
}

function neighbourRow(opens, here, direction) {
  const from = opens[here].getBoundingClientRect();
  const middle = from.left + from.width / 2;
  let best = here;
  let bestDistance = Infinity;
  let rowTop = null;
  for (let i = here + direction; i >= 0 && i < opens.length; i += direction) {
    const box = opens[i].getBoundingClientRect();
    if (Math.abs(box.top - from.top) < 4) continue;
    rowTop ??= box.top;
    if (Math.abs(box.top - rowTop) > 4) break;
    const distance = Math.abs(box.left + box.width / 2 - middle);
    if (distance < bestDistance) [best, bestDistance] = [i, distance];
  }
  return best;
}
