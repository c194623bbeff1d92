// The component: keeps one Gallery an element and gives it what Python sends.

class Gallery {
  constructor(root, component) {
    this.root = root;
    this.component = component;
    this.items = [];
    this.picked = new Set();
    this.list = element("ul", { class: "tiles", onkeydown: (event) => moveFocus(this, event) });
    this.detail = new Detail(this);
    this.bar = new Bar(this, (name, value) => this.component.setTriggerValue(name, value));
    const host = root.querySelector(".gallery");
    host.append(this.list, this.bar.node, this.detail.dialog, this.bar.question);
  }

  update(component) {
    this.component = component;
    const data = component.data;
    const changed = this.result !== data.result;
    Object.assign(this, { total: data.total, colors: data.colors, baseBytes: data.base_bytes, download: data.download });
    if (changed) {
      if (this.detail.dialog.open) this.detail.dialog.close();
      this.items = data.items;
      const before = this.result ? [...this.picked] : data.selection;
      const ids = new Set(data.items.map((item) => item.id));
      this.picked = new Set(before.filter((id) => ids.has(id)));
      this.list.replaceChildren(...data.items.map((item, position) => makeTile(this, item, position)));
      this.last = null;
      this.result = data.result;
    }
    this.refresh();
  }

  pick(position, range) {
    const id = this.items[position].id;
    const on = !this.picked.has(id);
    const from = range && this.last !== null ? this.last : position;
    for (let i = Math.min(from, position); i <= Math.max(from, position); i++) {
      if (on) this.picked.add(this.items[i].id);
      else this.picked.delete(this.items[i].id);
    }
    this.last = position;
    this.tell();
  }

  pickAll() {
    this.picked = new Set(this.items.map((item) => item.id));
    this.tell();
  }

  pickNone() {
    this.picked = new Set();
    this.tell();
  }

  // The server learns of a selection once the hand rests: each word to it is a rerun.
  tell() {
    this.refresh();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.component.setStateValue("selection", this.pickedIds()), 400);
  }

  refresh() {
    for (const tile of this.list.children) {
      const on = this.picked.has(Number(tile.dataset.id));
      tile.classList.toggle("picked", on);
      tile.querySelector(".pick").setAttribute("aria-checked", String(on));
    }
    this.list.classList.toggle("picking", this.picked.size > 0);
    this.bar.refresh();
  }

  isPicked(position) {
    return this.picked.has(this.items[position].id);
  }

  pickedIds() {
    return this.items.filter((item) => this.picked.has(item.id)).map((item) => item.id);
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

const galleries = new WeakMap();

export default function render(component) {
  const root = component.parentElement;
  if (!galleries.has(root)) galleries.set(root, new Gallery(root, component));
  galleries.get(root).update(component);
}
