// Small makers of elements and words. Text from a dataset goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function svgElement(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// A drawing of 16 x 16 in the colour of the text around it.
function icon(path) {
  return svgElement("svg", { class: "drawing", viewBox: "0 0 16 16", "aria-hidden": "true" }, svgElement("path", { d: path }));
}

function grouped(number) {
  return number.toLocaleString("en-US");
}

function plural(number, one, many) {
  return `${grouped(number)} ${number === 1 ? one : many}`;
}

// A record may lack its size; most pictures are as wide as this.
function ratioOf({ width, height }) {
  return width > 0 && height > 0 ? width / height : 4 / 3;
}

// A picture that no query ranked has no score.
function scoreText(item) {
  return item.score === null ? "" : item.score.toFixed(3);
}

function readableBytes(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

// The server says in JSON why a picture or its annotations cannot be had.
async function reasonFrom(url) {
  try {
    const response = await fetch(url);
    if (response.ok) return "This file cannot be shown as a picture.";
    return (await response.json()).error || `The server answered ${response.status}.`;
  } catch {
    return "The server cannot be reached.";
  }
}

// Calls `act` once, `wait` milliseconds after the last of many calls.
function calmed(act, wait) {
  let timer = 0;
  const calm = () => {
    clearTimeout(timer);
    timer = setTimeout(act, wait);
  };
  calm.cancel = () => clearTimeout(timer);
  return calm;
}
