// What Python sends as text becomes typed arrays: numbers lie as little-endian bytes in base64.

const NO_SCORE = 65_535;
const FAR = 65_535; // both axes go from 0 to here

function bytesOf(text) {
  const plain = atob(text);
  const bytes = new Uint8Array(plain.length);
  for (let at = 0; at < plain.length; at++) bytes[at] = plain.charCodeAt(at);
  return bytes;
}

function shortsOf(text) {
  const bytes = bytesOf(text);
  const view = new DataView(bytes.buffer);
  const shorts = new Uint16Array(bytes.length / 2);
  for (let at = 0; at < shorts.length; at++) shorts[at] = view.getUint16(2 * at, true);
  return shorts;
}

// One bit a point, the first in the highest bit of the first byte, as numpy packs them.
function bitsOf(text, n) {
  const bytes = bytesOf(text);
  const flags = new Uint8Array(n);
  for (let at = 0; at < n; at++) flags[at] = (bytes[at >> 3] >> (7 - (at & 7))) & 1;
  return flags;
}

// The same mixed order of 0 to n - 1 each time, so that no class covers another by its place.
function mixed(n) {
  const order = new Uint32Array(n);
  for (let at = 0; at < n; at++) order[at] = at;
  let state = 0x9e3779b9;
  for (let at = n - 1; at > 0; at--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const other = Math.floor((state / 4_294_967_296) * (at + 1));
    [order[at], order[other]] = [order[other], order[at]];
  }
  return order;
}
