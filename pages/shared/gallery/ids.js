// Image ids as short text, exactly as core/query/ids.py writes them: ascending, each as the
// difference to the one before (the first to 0), in groups of seven bits, lowest first, the
// eighth bit saying that another follows (LEB128); the bytes in base64url without padding.
//
// An id is a number, or decimal text where a number of JavaScript would not be exact.

// As many as a result sends ids (MAX_SENT_IDS in results.py), so that all can be selected.
const MAX_PACKED_IDS = 1_000_000;
const LARGEST_ID = 2n ** 63n - 1n;
const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

function idOf(value) {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

function compareIds(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  const difference = BigInt(one) - BigInt(other);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function packIds(ids) {
  const bytes = [];
  let before = 0;
  for (const id of [...new Set(ids)].sort(compareIds)) {
    if (typeof id === "number" && typeof before === "number") packNumber(id - before, bytes);
    else packLarge(BigInt(id) - BigInt(before), bytes);
    before = id;
  }
  return base64url(bytes);
}

function packNumber(difference, bytes) {
  while (difference >= 128) {
    bytes.push((difference % 128) + 128);
    difference = Math.floor(difference / 128);
  }
  bytes.push(difference);
}

function packLarge(difference, bytes) {
  while (difference >= 128n) {
    bytes.push(Number(difference % 128n) + 128);
    difference /= 128n;
  }
  bytes.push(Number(difference));
}

// What can be read of the text: its ids up to where it stops making sense, and whether that
// was all of it.
function unpackIds(text, limit = MAX_PACKED_IDS) {
  const { bytes, isWhole } = fromBase64url(text.slice(0, 10 * limit));
  const ids = [];
  let id = 0n;
  let value = 0n;
  let shift = 0n;
  let isSound = isWhole && text.length <= 10 * limit;
  for (const byte of bytes) {
    value |= BigInt(byte & 127) << shift;
    shift += 7n;
    if (byte & 128 && shift < 63n) continue;
    id += value;
    // An id twice, a last group of nothing, or an id too large: no text of ours goes on so.
    const isWrong = byte & 128 || (byte === 0 && shift > 7n) || (ids.length && value === 0n) || id > LARGEST_ID;
    if (isWrong || ids.length >= limit) return { ids, isWhole: false };
    ids.push(idOf(id));
    value = shift = 0n;
  }
  if (shift) isSound = false;
  return { ids, isWhole: isSound };
}

function base64url(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const [first, second = 0, third = 0] = bytes.slice(at, at + 3);
    const word = (first << 16) | (second << 8) | third;
    const length = Math.min(4, bytes.length - at + 1);
    for (let place = 0; place < length; place++) text += BASE64URL[(word >> (18 - 6 * place)) & 63];
  }
  return text;
}

function fromBase64url(text) {
  const bytes = [];
  let word = 0;
  let bits = 0;
  for (const character of text) {
    const value = BASE64URL.indexOf(character);
    if (value < 0) return { bytes, isWhole: false };
    word = ((word << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((word >> bits) & 255);
    }
  }
  // Six bits over, or bits that are set in what is over: the text was cut or changed.
  return { bytes, isWhole: bits < 6 && (word & ((1 << bits) - 1)) === 0 };
}

// The text of a set that is never changed in place; worked out once.
function packed(ids) {
  packed.known ??= new WeakMap();
  if (!packed.known.has(ids)) packed.known.set(ids, packIds(ids));
  return packed.known.get(ids);
}
