// Where each tile stands, told from the pictures' sides alone, so that nothing moves when the
// pictures arrive. A tile is its picture and a line of text below.

const GAP = 10;
const FOOT = 26;
const ROW_GAP = 10;
const NARROWEST = 0.4;
const WIDEST = 3.2;
const CELL_RATIO = 4 / 3;

// left, top, width and height (of the picture) by position; rows by their first position.
function layOut(ratios, { width, layout, size }) {
  const place = {
    left: new Float64Array(ratios.length),
    top: new Float64Array(ratios.length),
    width: new Float64Array(ratios.length),
    height: new Float64Array(ratios.length),
    rows: [],
    total: 0,
  };
  if (width <= 0) return place;
  if (layout === "grid") layGrid(place, ratios.length, width, size);
  else layRows(place, ratios, width, size);
  return place;
}

function layGrid(place, count, width, size) {
  const columns = Math.max(1, Math.round((width + GAP) / (size * CELL_RATIO + GAP)));
  const cell = (width - GAP * (columns - 1)) / columns;
  for (let first = 0; first < count; first += columns) {
    addRow(place, first, Math.min(count, first + columns), cell / CELL_RATIO, () => cell);
  }
}

// Rows of one height each, as wide as the page: a row takes pictures until it is nearer to the
// wanted height with them than with one more.
function layRows(place, ratios, width, size) {
  let first = 0;
  while (first < ratios.length) {
    let sum = 0;
    let end = first;
    let height = Infinity;
    while (end < ratios.length) {
      const ratio = shown(ratios[end]);
      const next = (width - GAP * (end - first)) / (sum + ratio);
      if (next < size && end > first && size / next > height / size) break;
      sum += ratio;
      height = next;
      end += 1;
      if (height <= size) break;
    }
    // The last row is not stretched to the page's width.
    if (end === ratios.length) height = Math.min(height, size);
    height = Math.min(height, 1.5 * size);
    addRow(place, first, end, height, (position) => shown(ratios[position]) * height);
    first = end;
  }
}

function shown(ratio) {
  return Math.min(WIDEST, Math.max(NARROWEST, ratio));
}

function addRow(place, first, end, height, widthOf) {
  let left = 0;
  for (let position = first; position < end; position++) {
    place.left[position] = left;
    place.top[position] = place.total;
    place.width[position] = widthOf(position);
    place.height[position] = height;
    left += place.width[position] + GAP;
  }
  place.rows.push({ first, end, top: place.total, bottom: place.total + height + FOOT });
  place.total += height + FOOT + ROW_GAP;
}

// The positions [first, end) of the rows that reach into [top, bottom].
function rowsWithin(place, top, bottom) {
  const from = place.rows[firstRowBelow(place, top)];
  const to = place.rows[firstRowBelow(place, bottom)];
  if (!from) return [0, 0];
  return [from.first, to ? (to.top <= bottom ? to.end : to.first) : place.left.length];
}

// The first row whose bottom lies below `top`; as many as there are when none does.
function firstRowBelow(place, top) {
  let low = 0;
  let high = place.rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (place.rows[middle].bottom < top) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The position nearest above or below: in the next row, by the middle of the tiles.
function verticalNeighbour(place, position, direction) {
  const here = place.rows.findIndex((row) => position < row.end);
  const row = place.rows[here + direction];
  if (!row) return position;
  const middle = place.left[position] + place.width[position] / 2;
  let best = row.first;
  let bestDistance = Infinity;
  for (let at = row.first; at < row.end; at++) {
    const distance = Math.abs(place.left[at] + place.width[at] / 2 - middle);
    if (distance < bestDistance) [best, bestDistance] = [at, distance];
  }
  return best;
}

// The positions whose tiles touch a rectangle.
function positionsIn(place, { left, top, right, bottom }) {
  const [first, end] = rowsWithin(place, top, bottom);
  const found = [];
  for (let at = first; at < end; at++) {
    const isBeside = place.left[at] > right || place.left[at] + place.width[at] < left;
    const isOff = place.top[at] > bottom || place.top[at] + place.height[at] < top;
    if (!isBeside && !isOff) found.push(at);
  }
  return found;
}
