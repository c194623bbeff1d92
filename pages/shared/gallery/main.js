// The component: keeps one Gallery an element and gives it what Python sends.

class Gallery {
  constructor(root, component) {
    this.root = root;
    this.component = component;
    this.items = [];
    this.picked = new Set();
    this.last = null;
    this.list = element("ul", {
      class: "tiles",
      onkeydown: (event) => moveFocus(this, event),
      onfocusin: (event) => keepOneTabStop(this, event.target),
    });
    this.detail = new Detail(this);
    this.bar = new Bar(this, (name, value) => this.component.setTriggerValue(name, value));
    root.querySelector(".gallery").append(this.list, this.bar.node, this.detail.dialog, this.bar.question);
  }

  update(component) {
    this.component = component;
    const data = component.data;
    Object.assign(this, {
      total: data.total,
      colors: data.colors,
      hasInstances: data.has_instances,
      baseBytes: data.base_bytes,
      download: data.download,
      memory: `cocosift selection ${data.key}`,
    });
    if (this.result !== data.result) this.showItems(data);
    this.refresh();
  }

  showItems({ result, items }) {
    if (this.detail.dialog.open) this.detail.dialog.close();
    this.result = result;
    this.items = items;
    const remembered = new Set(readMemory(this.memory));
    this.picked = new Set(items.map((item) => item.id).filter((id) => remembered.has(id)));
    this.last = null;
    this.list.replaceChildren(...items.map((item, position) => makeTile(this, item, position)));
  }

  pick(position, isRange) {
    const on = !this.isPicked(position);
    const from = isRange && this.last !== null ? this.last : position;
    for (let i = Math.min(from, position); i <= Math.max(from, position); i++) {
      if (on) this.picked.add(this.items[i].id);
      else this.picked.delete(this.items[i].id);
    }
    this.last = position;
    this.remember();
  }

  pickAll() {
    this.picked = new Set(this.items.map((item) => item.id));
    this.remember();
  }

  pickNone() {
    this.picked = new Set();
    this.remember();
  }

  // The selection lives in this tab: it costs the server nothing and survives reruns,
  // other pages and a reload. Python learns of it with the wish for a download.
  remember() {
    writeMemory(this.memory, [...this.picked]);
    this.refresh();
  }

  refresh() {
    [...this.list.children].forEach((tile, position) => showPicked(tile, this.isPicked(position)));
    this.list.classList.toggle("picking", this.picked.size > 0);
    this.bar.refresh();
  }

  isPicked(position) {
    return this.picked.has(this.items[position].id);
  }

  chosen() {
    return this.picked.size ? this.items.filter((item) => this.picked.has(item.id)) : this.items;
  }

  requestKey() {
    return `${this.result}:${this.chosen().map((item) => item.id).join(",")}`;
  }

  openDetail(position) {
    this.detail.open(position);
  }

  focusTile(position) {
    this.list.children[position]?.querySelector(".open").focus();
  }
}

function readMemory(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key)) || [];
  } catch {
    return [];
  }
}

function writeMemory(key, ids) {
  try {
    sessionStorage.setItem(key, JSON.stringify(ids));
  } catch {
    // No room, or storage is forbidden: the selection still stands on this page.
  }
}

const galleries = new WeakMap();

export default function render(component) {
  const root = component.parentElement;
  if (!galleries.has(root)) galleries.set(root, new Gallery(root, component));
  galleries.get(root).update(component);
}
