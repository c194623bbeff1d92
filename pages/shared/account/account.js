// The person's menu; and the watch over whether they are still signed in.

const EVERY_MS = 60000;

function make(tag, attributes = {}, text = "") {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  return node;
}

function draw(root, { name, login, role, signOut, password }) {
  const summary = make("summary", { "aria-label": `Account of ${name}` });
  summary.append(
    make("span", { class: "initial", "aria-hidden": "true" }, [...name][0]?.toUpperCase() || "?"),
    make("span", { class: "name" }, name),
  );
  const menu = make("div", { class: "menu" });
  const who = make("div", { class: "who" });
  who.append(make("b", {}, name), make("span", {}, login === name ? role : `${login} · ${role}`));
  menu.append(who);
  if (password) menu.append(make("a", { href: password, target: "_self" }, "Change password"));
  if (signOut) {
    const form = make("form", { method: "post", action: signOut });
    form.append(make("button", { type: "submit" }, "Sign out"));
    menu.append(form);
  }
  root.replaceChildren(summary, menu);
}

// A sign-in that goes on is led away from the page for signing in; another is shown it.
async function hasEnded(address) {
  const answer = await fetch(address, { redirect: "manual", cache: "no-store" }).catch(() => null);
  return answer !== null && answer.type !== "opaqueredirect" && answer.status !== 503;
}

const drawn = new WeakMap();

export default function render({ parentElement, data }) {
  const root = parentElement.querySelector(".account");
  const known = JSON.stringify(data);
  if (drawn.get(root) !== known) {
    drawn.set(root, known);
    draw(root, data);
  }
  let isLeaving = false;
  const look = async () => {
    if (isLeaving || document.hidden || !(await hasEnded(data.check)) || isLeaving) return;
    isLeaving = true;
    window.location.reload();
  };
  const close = (event) => {
    if (event.type === "keydown" ? event.key === "Escape" : !event.composedPath().includes(root)) root.open = false;
  };
  const timer = setInterval(look, EVERY_MS);
  window.addEventListener("focus", look);
  document.addEventListener("visibilitychange", look);
  document.addEventListener("pointerdown", close);
  document.addEventListener("keydown", close);
  return () => {
    clearInterval(timer);
    window.removeEventListener("focus", look);
    document.removeEventListener("visibilitychange", look);
    document.removeEventListener("pointerdown", close);
    document.removeEventListener("keydown", close);
  };
}
