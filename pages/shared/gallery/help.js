// The keys: one table that the handlers read and that `?` shows.

// A combination is what `combinationOf` gives; "Mod" is Ctrl or, on a Mac, Cmd. Entries
// with the same `does` are shown as one line; those with `pointer` are no keys.
const KEYS = {
  gallery: [
    { keys: ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"], does: "Walk the pictures" },
    { keys: ["PageUp", "PageDown"], does: "A screen up or down" },
    { keys: ["Home", "End"], does: "First and last picture" },
    { keys: ["Enter"], does: "Open the picture" },
    { keys: ["Space"], action: "pick", does: "Select or deselect" },
    { keys: ["Shift+Space"], action: "range", does: "Select all from the last one to here" },
    { pointer: "Ctrl click, Shift click", does: "Select one, select all from the last one to here" },
    { pointer: "Drag", does: "Select what the box touches; with Alt, deselect" },
    { keys: ["Mod+a", "a"], action: "all", does: "Select all" },
    { keys: ["Shift+a"], action: "none", does: "Select none" },
    { keys: ["i"], action: "invert", does: "Select what is not selected, and the other way round" },
    { keys: ["x", "Delete"], action: "exclude", does: "Leave out or take back" },
    { keys: ["Mod+z"], action: "undo", does: "Take back the last change of the selection" },
    { keys: ["l"], action: "like", does: "More like this one" },
    { keys: ["b"], action: "boxes", does: "Boxes on or off" },
    { keys: ["m"], action: "masks", does: "Masks on or off" },
    { keys: ["k"], action: "keypoints", does: "Keypoints on or off" },
    { keys: ["c"], action: "captions", does: "Captions on or off" },
    { keys: ["+", "="], action: "larger", does: "Larger pictures", shows: ["+"] },
    { keys: ["-", "_"], action: "smaller", does: "Smaller pictures", shows: ["-"] },
    { keys: ["g"], action: "layout", does: "Rows or grid" },
    { keys: ["?"], action: "help", does: "Show these keys" },
  ],
  detail: [
    { keys: ["ArrowRight"], action: "next", does: "Next picture" },
    { keys: ["ArrowLeft"], action: "previous", does: "Previous picture" },
    { keys: ["Backspace"], action: "back", does: "Back from a similar picture" },
    { keys: ["+", "="], action: "zoom in", does: "Zoom in", shows: ["+"] },
    { keys: ["-", "_"], action: "zoom out", does: "Zoom out", shows: ["-"] },
    { keys: ["0"], action: "whole", does: "The whole picture" },
    { keys: ["Shift+ArrowLeft"], action: "pan left", does: "Move the picture when it is zoomed" },
    { keys: ["Shift+ArrowRight"], action: "pan right", does: "Move the picture when it is zoomed" },
    { keys: ["Shift+ArrowUp"], action: "pan up", does: "Move the picture when it is zoomed" },
    { keys: ["Shift+ArrowDown"], action: "pan down", does: "Move the picture when it is zoomed" },
    { pointer: "Wheel, pinch, double click", does: "Zoom" },
    { pointer: "Drag", does: "Move the picture when it is zoomed" },
    { keys: ["ArrowUp", "ArrowDown"], does: "In the table of instances: light the one before or after" },
    { keys: ["Enter"], does: "In the table of instances: zoom to it" },
    { keys: ["m"], action: "masks", does: "Masks on or off" },
    { keys: ["b"], action: "boxes", does: "Boxes on or off" },
    { keys: ["k"], action: "keypoints", does: "Keypoints on or off" },
    { keys: ["s"], action: "pick", does: "Select or deselect" },
    { keys: ["x"], action: "exclude", does: "Leave out or take back" },
    { keys: ["l"], action: "like", does: "More like this one" },
    { keys: ["i"], action: "copy", does: "Copy the image id" },
    { keys: ["?"], action: "help", does: "Show these keys" },
    { keys: ["Escape"], does: "Close" },
  ],
};

// The name of what a key does at a place of KEYS, or null.
function keyAction(place, event) {
  const combination = combinationOf(event);
  return KEYS[place].find(({ keys, action }) => action && keys?.includes(combination))?.action ?? null;
}

// Such as "a", "Shift+ArrowLeft", "Mod+a", "?". Shift counts only where it does not
// already make another character.
function combinationOf(event) {
  const key = event.key === " " ? "Space" : /^[A-Z]$/.test(event.key) ? event.key.toLowerCase() : event.key;
  const hasShift = event.shiftKey && (key.length > 1 || /^[a-z]$/.test(key));
  const modifiers = [
    event.ctrlKey || event.metaKey ? "Mod+" : "",
    event.altKey ? "Alt+" : "",
    hasShift ? "Shift+" : "",
  ];
  return modifiers.join("") + key;
}

function openHelp(gallery) {
  gallery.helpDialog ??= gallery.root.querySelector(".gallery").appendChild(makeHelp());
  if (!gallery.helpDialog.open) gallery.helpDialog.showModal();
}

function makeHelp() {
  const dialog = element(
    "dialog",
    { class: "help", "aria-labelledby": "help-heading", onclick: (event) => event.target === dialog && dialog.close() },
    element(
      "div",
      { class: "help-content" },
      element(
        "header",
        {},
        element("h2", { id: "help-heading" }, "Keys"),
        iconButton(ICONS.close, "Close (Esc)", () => dialog.close()),
      ),
      element(
        "div",
        { class: "help-columns", tabindex: "0", role: "group", "aria-label": "List of keys" },
        keyTable("Among the pictures", KEYS.gallery),
        keyTable("In one picture", KEYS.detail),
      ),
    ),
  );
  // What is pressed here is for no one else; Escape closes by itself.
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  return dialog;
}

function keyTable(title, entries) {
  const lines = new Map();
  for (const { keys = [], shows = keys, pointer, does } of entries) {
    const nodes = pointer ? [pointer] : shows.map(keyNode);
    lines.set(does, [...(lines.get(does) || []), ...nodes]);
  }
  const rows = [...lines].map(([does, nodes]) =>
    element("tr", {}, element("th", { scope: "row" }, ...spaced(nodes)), element("td", {}, does)),
  );
  return element("table", {}, element("caption", {}, title), element("tbody", {}, ...rows));
}

function keyNode(combination) {
  const names = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc", "-": "−", Mod: isMac() ? "⌘" : "Ctrl" };
  const parts = combination === "+" ? ["+"] : combination.split("+");
  const shown = parts.map((part) => names[part] || (/^[a-z]$/.test(part) ? part.toUpperCase() : part));
  return element("kbd", {}, shown.join(" "));
}

function spaced(nodes) {
  return nodes.flatMap((node, index) => (index ? [" ", node] : [node]));
}

function isMac() {
  return /Mac|iPhone|iPad/.test(navigator.platform);
}
