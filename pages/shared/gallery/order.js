// The order in which the tiles stand.

const SORTS = { score: "Best match", id: "Image id", instances: "Most instances", random: "Random" };
const MAX_SEED = 2 ** 31 - 1;

function inOrder(items, sort, seed) {
  const sorted = [...items];
  if (sort === "id") return sorted.sort((a, b) => compareIds(a.id, b.id));
  if (sort === "instances") return sorted.sort((a, b) => b.instances - a.instances || a.rank - b.rank);
  if (sort !== "random") return sorted;
  const places = new Map(sorted.map((item) => [item.id, scattered(item.id, seed)]));
  return sorted.sort((a, b) => places.get(a.id) - places.get(b.id) || compareIds(a.id, b.id));
}

// A place that depends on id and seed alone: pictures that join leave the others as they were.
// (The finaliser of MurmurHash3, public domain, over the id's halves.)
function scattered(id, seed) {
  const large = typeof id === "number" ? id : Number(BigInt(id) % 2n ** 52n);
  let mixed = Math.imul(seed + 1, 0x9e3779b1);
  for (const half of [large % 2 ** 32, Math.floor(large / 2 ** 32)]) {
    mixed ^= half;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    mixed ^= mixed >>> 16;
  }
  return mixed >>> 0;
}
