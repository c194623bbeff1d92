// The annotations of pictures: for tiles in batches, as they come into view; for the detail
// view one by one, with all that the server says.

const BATCH = 100;
const MOST_RECORDS = 3_000;
const MOST_WHOLE = 500;

class Records {
  constructor(gallery, arrived) {
    this.gallery = gallery;
    this.arrived = arrived;
    this.brief = new Map(); // id -> { parts: Set, captions, instances, keypoints }
    this.whole = new Map(); // id -> promise of the single route's answer
    this.wanted = [];
    this.isAsking = false;
    this.askSoon = calmed(() => this.ask(), 120);
  }

  // Another dataset, or other files of it: ids mean other pictures.
  forget() {
    this.brief = new Map();
    this.whole = new Map();
    this.wanted = [];
  }

  of(id) {
    return this.brief.get(id);
  }

  // Ask for what of `ids` is not here; what was wanted before and has not been asked for is not.
  want(ids, parts) {
    this.parts = parts;
    this.wanted = ids.filter((id) => parts.some((part) => !this.brief.get(id)?.parts.has(part)));
    if (this.wanted.length) this.askSoon();
  }

  async ask() {
    if (this.isAsking || !this.wanted.length) return;
    this.isAsking = true;
    const ids = this.wanted.splice(0, BATCH);
    const { parts, brief } = this;
    const url = `${this.gallery.base}/annotations?ids=${ids.join(",")}&parts=${parts.join(",")}&v=${this.gallery.version}`;
    const response = await fetch(url).catch(() => null);
    const images = response?.ok ? (await response.json().catch(() => ({}))).images : null;
    this.isAsking = false;
    const isForgotten = brief !== this.brief;
    if (images && !isForgotten) this.keep(ids, parts, images);
    else if (!isForgotten) this.wanted = []; // asked again when the person scrolls on
    if (this.wanted.length) this.ask();
  }

  keep(ids, parts, images) {
    for (const id of ids) {
      const known = this.brief.get(id);
      this.brief.delete(id);
      const record = { ...known, ...images[id], parts: new Set([...(known?.parts || []), ...parts]) };
      this.brief.set(id, record);
    }
    forgetOldest(this.brief, MOST_RECORDS);
    this.arrived(ids);
  }

  async wholeOf(id) {
    const { whole } = this;
    if (!whole.has(id)) whole.set(id, this.fetchWhole(id));
    forgetOldest(whole, MOST_WHOLE);
    const record = await whole.get(id);
    if (record.error) whole.delete(id);
    return record;
  }

  async fetchWhole(id) {
    const response = await fetch(`${this.gallery.base}/images/${id}/annotations?v=${this.gallery.version}`).catch(() => null);
    const record = await response?.json().catch(() => null);
    return record || { error: "Its annotations cannot be read just now." };
  }
}

// A Map lists its keys in the order in which they came.
function forgetOldest(known, most) {
  for (const id of known.keys()) {
    if (known.size <= most) break;
    known.delete(id);
  }
}
