// Colours as WebGL takes them, from the theme of the page and from what Python says.

function rgbOf(text) {
  const hex = /^#([0-9a-f]{6})$/i.exec(text.trim());
  if (hex) return [0, 2, 4].map((at) => parseInt(hex[1].slice(at, at + 2), 16) / 255);
  const numbers = text.match(/[\d.]+/g);
  return numbers && numbers.length >= 3 ? numbers.slice(0, 3).map((number) => Number(number) / 255) : [0.5, 0.5, 0.5];
}

// What the theme says now; it may change while the page is open.
function themeOf(node) {
  const style = getComputedStyle(node);
  const ground = rgbOf(style.getPropertyValue("--st-background-color"));
  const ink = rgbOf(style.getPropertyValue("--st-text-color"));
  const accent = rgbOf(style.getPropertyValue("--st-primary-color"));
  const light = 0.2126 * ground[0] + 0.7152 * ground[1] + 0.0722 * ground[2];
  return { ground, ink, accent, isDark: light < 0.5 };
}

function mix(one, other, share) {
  return one.map((value, at) => value + (other[at] - value) * share);
}

function hexOf(rgb) {
  return `#${rgb.map((value) => Math.round(255 * value).toString(16).padStart(2, "0")).join("")}`;
}
