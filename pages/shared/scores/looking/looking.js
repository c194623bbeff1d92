// One picture after the other, and a key for each answer. What was answered is kept in the tab, by
// sample, so that a reload loses nothing; Python is told all of it a moment after the last key.

const ANSWERS = [
  { name: "yes", key: "y", label: "Yes" },
  { name: "no", key: "n", label: "No" },
  { name: "unsure", key: "u", label: "Unsure" },
];
const WAIT_MS = 350;
const AHEAD = 3; // pictures that are fetched before they are asked for

const STORE = "cocosift-looking-";

export default function (component) {
  const { parentElement } = component;
  const looking = (parentElement.looking ??= new Looking(parentElement.querySelector(".looking")));
  looking.update(component);
  return () => looking.leave();
}

class Looking {
  constructor(root) {
    this.root = root;
    this.count = node("p", "count");
    this.count.setAttribute("role", "status");
    this.meter = node("progress");
    this.meter.setAttribute("aria-label", "Pictures looked at");
    this.question = node("p", "question");
    this.image = node("img");
    this.missing = node("p", "missing", "This picture cannot be shown. Answer Unsure.");
    this.over = node("p", "over");
    this.frame = node("div", "frame", this.image, this.missing, this.over);
    this.back = button("Back", "←", "back", () => this.step(-1));
    this.back.setAttribute("aria-keyshortcuts", "ArrowLeft");
    this.buttons = ANSWERS.map(({ name, key, label }) => {
      const made = button(label, key.toUpperCase(), name, () => this.answer(name));
      made.setAttribute("aria-keyshortcuts", key);
      return made;
    });
    this.ahead = node("div");
    this.ahead.hidden = true;
    const head = node("div", "head", this.count, this.meter);
    root.replaceChildren(head, this.question, this.frame, node("div", "keys", ...this.buttons, this.back), this.ahead);
    this.image.onerror = () => this.fail(true);
    this.image.onload = () => this.fail(false);
    this.onKey = (event) => this.key(event);
  }

  update({ data, setTriggerValue }) {
    this.send = setTriggerValue;
    document.removeEventListener("keydown", this.onKey);
    document.addEventListener("keydown", this.onKey);
    const isNew = this.sample !== data.sample;
    this.sample = data.sample;
    this.pictures = data.pictures;
    this.question.textContent = data.question;
    if (isNew) {
      this.flush();
      this.answers = { ...data.answers, ...recall(data.sample) };
      this.place = this.firstOpen(0);
      // A session that is new has not heard of what this tab remembers.
      if (Object.keys(this.answers).length > Object.keys(data.answers).length) this.tell(0);
    }
    this.draw();
  }

  leave() {
    document.removeEventListener("keydown", this.onKey);
    this.flush();
  }

  get isOver() {
    return this.place >= this.pictures.length;
  }

  firstOpen(from) {
    const open = this.pictures.findIndex(({ id }, place) => place >= from && !this.answers[id]);
    return open < 0 ? this.pictures.length : open;
  }

  answer(name) {
    if (this.isOver) return;
    this.answers[this.pictures[this.place].id] = name;
    this.place += 1;
    this.draw();
    remember(this.sample, this.answers);
    this.tell(this.isOver ? 0 : WAIT_MS);
  }

  step(by) {
    this.place = Math.min(this.pictures.length, Math.max(0, this.place + by));
    this.draw();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
    const target = event.composedPath()[0];
    if (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName)) return;
    const isHidden = this.root.checkVisibility && !this.root.checkVisibility();
    if (isHidden || document.querySelector('[role="dialog"]')) return;
    const answer = ANSWERS.find(({ key }) => key === event.key.toLowerCase());
    const isBack = event.key === "ArrowLeft" || event.key === "Backspace";
    const isNext = event.key === "ArrowRight" && !this.isOver && this.answers[this.pictures[this.place].id];
    if (!answer && !isBack && !isNext) return;
    event.preventDefault();
    if (answer) this.answer(answer.name);
    else this.step(isBack ? -1 : 1);
  }

  tell(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), wait);
    this.waiting = { sample: this.sample, answers: this.answers };
  }

  flush() {
    clearTimeout(this.timer);
    if (!this.waiting) return;
    const { sample, answers } = this.waiting;
    this.waiting = null;
    this.send("answers", { sample, answers: { ...answers } });
  }

  draw() {
    const total = this.pictures.length;
    const done = this.pictures.filter(({ id }) => this.answers[id]).length;
    this.meter.max = total;
    this.meter.value = done;
    this.count.textContent = this.isOver ? `All ${total} looked at` : `Picture ${this.place + 1} of ${total}`;
    this.frame.classList.toggle("is-over", this.isOver);
    this.over.textContent = done < total
      ? `${done} of ${total} have an answer. Go back for the others, or leave it so.`
      : "That was the last one. Go back to change an answer.";
    this.back.disabled = this.place === 0;
    for (const one of this.buttons) one.disabled = this.isOver;
    if (this.isOver) return this.image.removeAttribute("src");
    const picture = this.pictures[this.place];
    const said = this.answers[picture.id];
    ANSWERS.forEach(({ name }, place) => this.buttons[place].setAttribute("aria-pressed", String(said === name)));
    if (this.image.getAttribute("src") !== picture.src) {
      this.fail(false);
      this.image.src = picture.src;
      this.image.alt = `Picture ${picture.id}`;
    }
    this.ahead.replaceChildren(
      ...this.pictures.slice(this.place + 1, this.place + 1 + AHEAD).map(({ src }) => {
        const image = node("img");
        image.src = src;
        image.alt = "";
        return image;
      }),
    );
  }

  fail(isMissing) {
    this.frame.classList.toggle("is-missing", isMissing && !this.isOver);
  }
}

function recall(sample) {
  try {
    return JSON.parse(sessionStorage.getItem(STORE + sample)) || {};
  } catch {
    return {}; // storage that is shut off, or holds something else
  }
}

function remember(sample, answers) {
  try {
    sessionStorage.setItem(STORE + sample, JSON.stringify(answers));
  } catch {
    // Full or shut off: Python has the answers all the same.
  }
}

function button(label, key, name, act) {
  const made = node("button", name, node("span", "", label), node("kbd", "", key));
  made.type = "button";
  made.onclick = act;
  return made;
}

function node(tag, name = "", ...children) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.append(...children);
  return made;
}
