// Pictures that are like one: near-duplicates that are hidden behind it, and its
// neighbours by embedding.

const NEIGHBOURS = 12;
const NEIGHBOURS_PAUSE_MS = 120; // while a person leafs through, nobody needs them

class Similar {
  // `visit(id, why)` opens a picture.
  constructor(gallery, visit) {
    Object.assign(this, { gallery, visit });
    this.answers = new Map();
    this.duplicates = element("div", {});
    this.neighbours = element("div", {});
    this.node = element("div", { class: "similar" }, this.duplicates, this.neighbours);
  }

  async show(id) {
    const { duplicates, model } = this.gallery;
    const hidden = duplicates?.[id] || [];
    this.id = id;
    this.node.hidden = !hidden.length && !model;
    this.node.scrollLeft = 0;
    this.duplicates.replaceChildren(...(hidden.length ? [this.hiddenStrip(hidden)] : []));
    this.neighbours.replaceChildren();
    if (!model) return;
    if (!this.known(id)) {
      this.put(element("p", { class: "quiet" }, "Looking for pictures that are alike…"));
      await new Promise((resolve) => setTimeout(resolve, NEIGHBOURS_PAUSE_MS));
      if (this.id !== id) return;
    }
    const answer = await this.ask(id);
    if (this.id === id) this.put(this.answered(answer));
  }

  put(content) {
    this.neighbours.replaceChildren(strip("Most alike", content));
  }

  hiddenStrip(hidden) {
    const why = `Near-duplicate of picture ${this.id}`;
    const pictures = hidden.map((id) => ({ id, says: "near-duplicate", why }));
    return strip(plural(hidden.length, "near-duplicate hidden", "near-duplicates hidden"), this.pictures(pictures));
  }

  answered({ error, neighbours }) {
    if (error) return element("p", { class: "missing" }, error);
    if (!neighbours.length) return element("p", { class: "quiet" }, "There is no other picture to compare with.");
    const said = (other) => `cosine ${scoreText(other)}`;
    return this.pictures(neighbours.map((other) => ({ ...other, says: said(other), why: `Like picture ${this.id}, ${said(other)}` })));
  }

  key(id) {
    return `${this.gallery.base} ${this.gallery.model} ${id}`;
  }

  known(id) {
    return this.answers.get(this.key(id));
  }

  async ask(id) {
    const known = this.known(id);
    if (known) return known;
    const { base, model } = this.gallery;
    const response = await fetch(`${base}/images/${id}/neighbours?model=${encodeURIComponent(model)}&k=${NEIGHBOURS}`).catch(() => null);
    if (response === null) return { error: "The server cannot be reached." };
    const answer = await response.json().catch(() => ({}));
    if (!response.ok || !Array.isArray(answer.neighbours)) return { error: answer.error || `The server answered ${response.status}.` };
    if (this.answers.size >= 200) this.answers.clear();
    this.answers.set(this.key(id), answer);
    return answer;
  }

  pictures(others) {
    return element("ul", {}, ...others.map((other) => element("li", {}, this.button(other))));
  }

  button({ id, says, why, score, width, height, file }) {
    const name = `Picture ${id}, ${says}`;
    const image = element("img", { src: thumbnailUrl(this.gallery, id), alt: "", draggable: "false" });
    image.addEventListener("error", () => image.replaceWith(element("span", { class: "missing" }, "not here")));
    return element(
      "button",
      { type: "button", "aria-label": `Open ${name}`, title: file ? `${file}, ${says}` : name, style: `--ratio:${ratioOf({ width, height })}`, onclick: () => this.visit(id, why) },
      image,
      element("span", { class: "cosine" }, score === undefined ? `${id}` : scoreText({ score })),
    );
  }
}

function strip(title, content) {
  return element("section", { "aria-label": title }, element("h3", {}, title), content);
}
