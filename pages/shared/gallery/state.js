// What of the gallery is in the address after "#", and in the memory of the tab.
//
//     #pick=AQGqAg&drop=Bw&sort=random&seed=7&layout=grid&size=240&show=boxes,masks&hide=18&at=25
//
// Defaults are left out. Selections of many pictures are kept by the server, and the address
// names them: view=<id>. What cannot be read becomes the nearest that can, and is said.

const MOST_IN_ADDRESS = 300;
const SIZES = { least: 90, most: 420 };
const LAYERS = ["boxes", "masks", "keypoints", "captions"];
const AWAITED_MS = 5_000;
// When a tab may be gone the next moment; telephones send no more than the last of them.
const LEAVINGS = [
  [window, "beforeunload"],
  [window, "pagehide"],
  [document, "visibilitychange"],
];
const OPENED = Symbol.for("cocosift gallery opened");

function defaultDisplay() {
  return { sort: "score", seed: 1, layout: "rows", size: null, layers: new Set(), hidden: new Set(), at: 1 };
}

// The display and the ids that a fragment stands for, and the names of what it could not say.
function readFragment(text) {
  const values = new URLSearchParams(text);
  const display = defaultDisplay();
  const unread = [];
  const read = (name, words, take) => {
    if (values.has(name) && take(values.get(name)) === false) unread.push(words);
  };
  const ids = (name, words) => {
    const { ids: found, isWhole } = unpackIds(values.get(name) || "");
    if (!isWhole) unread.push(found.length ? `${words} (${plural(found.length, "picture of it is", "pictures of it are")} here)` : words);
    return found;
  };
  read("sort", "the order", (value) => (Object.hasOwn(SORTS, value) ? void (display.sort = value) : false));
  read("seed", "the seed", (value) => whole(value, 0, MAX_SEED, (seed) => (display.seed = seed)));
  read("layout", "the layout", (value) => (["rows", "grid"].includes(value) ? void (display.layout = value) : false));
  read("size", "the size of the tiles", (value) => whole(value, 1, 10_000, (size) => (display.size = tileSize(size))));
  read("at", "the place", (value) => whole(value, 1, 1e7, (at) => (display.at = at)));
  read("show", "what is drawn over the pictures", (value) => {
    const layers = value.split(",").filter(Boolean);
    display.layers = new Set(layers.filter((layer) => LAYERS.includes(layer)));
    return display.layers.size === layers.length ? undefined : false;
  });
  read("hide", "the hidden categories", (value) => {
    const hidden = value.split(",").filter(Boolean);
    display.hidden = new Set(hidden.filter((id) => /^\d{1,15}$/.test(id)).slice(0, 1_000).map(Number));
    return display.hidden.size === hidden.length ? undefined : false;
  });
  read("view", "the selection that is kept", (value) => (/^[0-9a-f]{12,64}$/.test(value) ? undefined : false));
  const view = unread.includes("the selection that is kept") ? null : values.get("view");
  const hasSelection = ["pick", "drop", "view"].some((name) => values.has(name));
  return { display, hasSelection, picked: ids("pick", "the selection"), excluded: ids("drop", "the pictures left out"), view, unread };
}

function whole(text, least, most, take) {
  if (!/^\d{1,10}$/.test(text) || Number(text) < least || Number(text) > most) return false;
  take(Number(text));
}

function tileSize(size) {
  return Math.min(SIZES.most, Math.max(SIZES.least, size));
}

function fragmentOf({ picked, excluded, view, display }) {
  const values = [];
  const add = (name, value, isDefault = !value) => isDefault || values.push(`${name}=${value}`);
  if (view) add("view", view);
  else {
    add("pick", packIds(picked));
    add("drop", packIds(excluded));
  }
  add("sort", display.sort, display.sort === "score");
  add("seed", display.seed, display.sort !== "random");
  add("layout", display.layout, display.layout === "rows");
  add("size", display.size);
  add("show", LAYERS.filter((layer) => display.layers.has(layer)).join(","));
  add("hide", [...display.hidden].sort((a, b) => a - b).join(","));
  add("at", display.at, display.at <= 1);
  return values.length ? `#${values.join("&")}` : "";
}

// Keeps the address and the tab's memory saying what the gallery shows.
class Address {
  constructor(gallery) {
    this.gallery = gallery;
    this.kept = null; // { of, id }: the id under which the server keeps a large selection
    this.path = location.pathname; // another page's address is not ours to write
    this.search = location.search;
    this.awaited = null; // the fragment of a page of the history whose query is on its way
    this.keepSoon = calmed(() => this.keep(), 700);
    this.writeSoon = calmed(() => this.write(), 150);
    this.onMove = () => this.moved();
    this.onLeave = () => this.write();
    // A change of the query makes a new address without fragment; it gets ours again.
    this.onEntry = () => setTimeout(() => this.writeSoon(), 300);
    addEventListener("popstate", this.onMove);
    addEventListener("hashchange", this.onMove);
    globalThis.navigation?.addEventListener("currententrychange", this.onEntry);
    for (const [target, event] of LEAVINGS) target.addEventListener(event, this.onLeave);
  }

  close() {
    this.remember();
    for (const [target, event] of LEAVINGS) target.removeEventListener(event, this.onLeave);
    removeEventListener("popstate", this.onMove);
    removeEventListener("hashchange", this.onMove);
    globalThis.navigation?.removeEventListener("currententrychange", this.onEntry);
    this.keepSoon.cancel();
    this.writeSoon.cancel();
    this.isClosed = true;
  }

  // The fragment that the page was opened with. Streamlit may have dropped it before this
  // component was there, so the browser's own note of the opening is asked too.
  opening() {
    const isFirst = !globalThis[OPENED];
    globalThis[OPENED] = true;
    const opened = isFirst ? performance.getEntriesByType("navigation")[0]?.name : null;
    const { pathname, hash } = new URL(opened || location.href);
    const text = (location.hash || (pathname === this.path ? hash : "")).slice(1);
    return text ? readFragment(text) : null;
  }

  // Back, forward, or a fragment that was typed.
  moved() {
    if (location.pathname !== this.path) return;
    const text = location.hash.slice(1);
    if (location.search !== this.search) this.waitWith(text);
    else if (location.hash !== this.written) this.gallery.follow(readFragment(text));
    this.search = location.search;
  }

  // The fragment of another query holds when its pictures come; nothing may come at all, if
  // they are the same.
  waitWith(text) {
    this.awaited = text;
    setTimeout(() => {
      if (this.isClosed || this.awaited !== text) return;
      this.awaited = null;
      this.gallery.follow(readFragment(text));
    }, AWAITED_MS);
  }

  // What a page of the history says beside its query, once.
  arrived() {
    this.search = location.search;
    const text = this.awaited;
    this.awaited = null;
    return text ? readFragment(text) : null;
  }

  write() {
    if (this.isClosed || this.awaited !== null || location.pathname !== this.path) return;
    this.search = location.search;
    const { picked, excluded } = this.gallery.selection;
    const display = this.display();
    let view = null;
    let state = { picked, excluded, view, display };
    if (picked.size + excluded.size > MOST_IN_ADDRESS) {
      const of = this.selectionText();
      view = this.kept?.of === of ? this.kept.id : null;
      if (!view) this.keepSoon();
      state = { picked: [], excluded: [], view, display };
    }
    this.written = fragmentOf(state);
    this.remember(picked.size + excluded.size > MOST_IN_ADDRESS && !view);
    if (location.hash === this.written) return;
    try {
      history.replaceState(history.state, "", location.pathname + location.search + this.written);
    } catch {
      this.writeSoon(); // browsers let a page write so many addresses in so many seconds
    }
  }

  selectionText() {
    const { picked, excluded } = this.gallery.selection;
    return `${packed(picked)}.${packed(excluded)}`;
  }

  display() {
    const { display, shown } = this.gallery;
    return { ...display, layers: new Set(LAYERS.filter((layer) => shown[layer])), hidden: shown.hidden };
  }

  async keep() {
    const of = this.selectionText();
    const [pick, drop] = of.split(".");
    const body = JSON.stringify({ pick, drop });
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(`${this.gallery.api}/views`, { method: "POST", headers, body }).catch(() => null);
    const id = response?.ok ? (await response.json()).id : null;
    if (!id) return; // the tab still remembers it
    this.kept = { of, id };
    this.write();
  }

  // The selection that the server keeps, or null.
  async fetchKept(id) {
    const response = await fetch(`${this.gallery.api}/views/${id}`).catch(() => null);
    const document = response?.ok ? await response.json() : null;
    if (!document) return null;
    const { pick = "", drop = "" } = document;
    return { picked: unpackIds(String(pick)).ids, excluded: unpackIds(String(drop)).ids };
  }

  // `isUnsaid`: the address does not say the selection yet, whatever else it says.
  remember(isUnsaid = false) {
    const { picked, excluded } = this.gallery.selection;
    const { layers, hidden, at, ...plain } = this.display();
    writeMemory(`selection ${this.gallery.key}`, { pick: packed(picked), drop: packed(excluded), at, isUnsaid });
    writeMemory("display", { ...plain, layers: [...layers], hidden: [...hidden] });
  }
}

function rememberedSelection(key) {
  const { pick = "", drop = "", at = 1, isUnsaid = false } = readMemory(`selection ${key}`) || {};
  return { picked: unpackIds(String(pick)).ids, excluded: unpackIds(String(drop)).ids, at: Number(at) || 1, isUnsaid };
}

function rememberedDisplay() {
  const { layers = [], hidden = [], ...plain } = readMemory("display") || {};
  return { ...defaultDisplay(), ...plain, layers: new Set(layers), hidden: new Set(hidden) };
}

function readMemory(name) {
  try {
    return JSON.parse(sessionStorage.getItem(`cocosift ${name}`));
  } catch {
    return null;
  }
}

function writeMemory(name, value) {
  try {
    sessionStorage.setItem(`cocosift ${name}`, JSON.stringify(value));
  } catch {
    // No room, or storage is forbidden: the state still stands on this page.
  }
}
