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
  const name = item.score === null ? `Open: ${label}` : `Rank ${item.rank}, score ${scoreText(item)}. Open: ${label}`;
  const open = element(
    "button",
    {
      class: "open",
      type: "button",
      tabindex: position === 0 ? "0" : "-1",
      title: item.caption || null,
      "data-name": name,
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
  return element(
    "li",
    { class: "tile", "data-id": item.id, style: `--ratio:${ratioOf(item)}` },
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

function showPicked(tile, isPicked) {
  const open = tile.querySelector(".open");
  tile.classList.toggle("picked", isPicked);
  tile.querySelector(".pick").setAttribute("aria-checked", String(isPicked));
  open.setAttribute("aria-label", `${open.dataset.name}${isPicked ? ". Selected" : ""}`);
}

async function explainMissing(open, image, item) {
  const note = element("span", { class: "missing" }, "This picture cannot be had.");
  image.replaceWith(note);
  note.textContent = await reasonFrom(item.thumbnail);
}

// Arrow keys walk the tiles as they stand on the screen; Space picks, Enter opens.
function moveFocus(gallery, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
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
  opens[to].focus();
}

function keepOneTabStop(gallery, focused) {
  if (!focused.matches(".open")) return;
  for (const open of gallery.list.querySelectorAll('.open[tabindex="0"]')) open.tabIndex = -1;
  focused.tabIndex = 0;
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
