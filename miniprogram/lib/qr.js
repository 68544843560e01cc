// A QR code as a matrix of dark places: bytes, error correction M, versions 1 to 10, which
// hold up to 213 bytes. Codes of cards are drawn on the phone, so that they show without a network.

// For each version: codewords in all, blocks, check codewords of a block, centres of alignment patterns.
const SIZES = [
  [26, 1, 10, []], [44, 1, 16, [6, 18]], [70, 1, 26, [6, 22]], [100, 2, 18, [6, 26]], [134, 2, 24, [6, 30]],
  [172, 4, 16, [6, 34]], [196, 4, 18, [6, 22, 38]], [242, 4, 22, [6, 24, 42]], [292, 5, 22, [6, 26, 46]], [346, 5, 26, [6, 28, 50]],
];

const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (x, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

// The field of 256 elements over 0x11d, as logarithms.
const EXP = [];
const LOG = [];
for (let i = 0, v = 1; i < 255; i++) {
  EXP[i] = v;
  LOG[v] = i;
  v <<= 1;
  if (v > 255) v ^= 0x11d;
}
const times = (a, b) => (a && b ? EXP[(LOG[a] + LOG[b]) % 255] : 0);

function utf8(text) {
  const escaped = encodeURIComponent(text);
  const out = [];
  for (let i = 0; i < escaped.length; i++) {
    if (escaped[i] === '%') {
      out.push(parseInt(escaped.slice(i + 1, i + 3), 16));
      i += 2;
    } else {
      out.push(escaped.charCodeAt(i));
    }
  }
  return out;
}

// checks are the check codewords of a block.
function checks(data, degree) {
  let generator = [1];
  for (let i = 0; i < degree; i++) {
    const next = new Array(generator.length + 1).fill(0);
    generator.forEach((g, j) => {
      next[j] ^= g;
      next[j + 1] ^= times(g, EXP[i]);
    });
    generator = next;
  }
  const rest = data.concat(new Array(degree).fill(0));
  for (let i = 0; i < data.length; i++) {
    const factor = rest[i];
    if (factor) generator.forEach((g, j) => { rest[i + j] ^= times(g, factor); });
  }
  return rest.slice(data.length);
}

// codewords are mode, length, text and padding, then blocks and checks interleaved.
function codewords(bytes, version) {
  const [total, blocks, degree] = SIZES[version - 1];
  const room = total - blocks * degree;
  const bits = [];
  const add = (value, n) => {
    for (let i = n - 1; i >= 0; i--) bits.push((value >> i) & 1);
  };
  add(4, 4);
  add(bytes.length, version < 10 ? 8 : 16);
  bytes.forEach((b) => add(b, 8));
  add(0, Math.min(4, room * 8 - bits.length));
  add(0, (8 - (bits.length % 8)) % 8);
  const data = [];
  for (let i = 0; i < bits.length; i += 8) data.push(parseInt(bits.slice(i, i + 8).join(''), 2));
  for (let pad = 0xec; data.length < room; pad ^= 0xec ^ 0x11) data.push(pad);

  const parts = [];
  const short = Math.floor(room / blocks);
  for (let i = 0, at = 0; i < blocks; i++) {
    const n = short + (i >= blocks - (room % blocks) ? 1 : 0);
    parts.push(data.slice(at, at + n));
    at += n;
  }
  const sums = parts.map((p) => checks(p, degree));
  const out = [];
  for (let i = 0; i <= short; i++) parts.forEach((p) => i < p.length && out.push(p[i]));
  for (let i = 0; i < degree; i++) sums.forEach((s) => out.push(s[i]));
  return out;
}

// frame draws what does not depend on the text; fixed marks those places.
function frame(version) {
  const n = 4 * version + 17;
  const dark = Array.from({ length: n }, () => new Array(n).fill(false));
  const fixed = Array.from({ length: n }, () => new Array(n).fill(false));
  const set = (x, y, on) => {
    if (x < 0 || y < 0 || x >= n || y >= n) return;
    dark[y][x] = on;
    fixed[y][x] = true;
  };
  for (let i = 0; i < n; i++) {
    set(i, 6, i % 2 === 0);
    set(6, i, i % 2 === 0);
  }
  const rings = (x, y, radius, light) => {
    for (let dy = -radius; dy <= radius; dy++) {
      for (let dx = -radius; dx <= radius; dx++) set(x + dx, y + dy, !light.includes(Math.max(Math.abs(dx), Math.abs(dy))));
    }
  };
  [[3, 3], [n - 4, 3], [3, n - 4]].forEach(([x, y]) => rings(x, y, 4, [2, 4]));
  const centres = SIZES[version - 1][3];
  const last = centres.length - 1;
  centres.forEach((x, i) => centres.forEach((y, j) => {
    if (!((i === 0 && (j === 0 || j === last)) || (i === last && j === 0))) rings(x, y, 2, [1]);
  }));
  const format = (mask) => {
    let rest = mask;
    for (let i = 0; i < 10; i++) rest = (rest << 1) ^ ((rest >> 9) * 0x537);
    const bits = ((mask << 10) | rest) ^ 0x5412;
    const at = (i) => ((bits >> i) & 1) === 1;
    for (let i = 0; i < 6; i++) set(8, i, at(i));
    set(8, 7, at(6));
    set(8, 8, at(7));
    set(7, 8, at(8));
    for (let i = 9; i < 15; i++) set(14 - i, 8, at(i));
    for (let i = 0; i < 8; i++) set(n - 1 - i, 8, at(i));
    for (let i = 8; i < 15; i++) set(8, n - 15 + i, at(i));
    set(8, n - 8, true);
  };
  format(0);
  if (version >= 7) {
    let rest = version;
    for (let i = 0; i < 12; i++) rest = (rest << 1) ^ ((rest >> 11) * 0x1f25);
    const bits = (version << 12) | rest;
    for (let i = 0; i < 18; i++) {
      const on = ((bits >> i) & 1) === 1;
      set(n - 11 + (i % 3), Math.floor(i / 3), on);
      set(Math.floor(i / 3), n - 11 + (i % 3), on);
    }
  }
  return { n, dark, fixed, format };
}

// penalty is how hard a drawing is to read: long runs, blocks, false finders, too much of one colour.
function penalty(dark) {
  const n = dark.length;
  let sum = 0;
  let count = 0;
  const lines = [];
  for (let i = 0; i < n; i++) {
    lines.push(dark[i].map((d) => (d ? '1' : '0')).join(''), dark.map((row) => (row[i] ? '1' : '0')).join(''));
  }
  for (const line of lines) {
    for (const run of line.match(/0{5,}|1{5,}/g) || []) sum += run.length - 2;
    for (let i = 0; i + 11 <= n; i++) {
      const piece = line.slice(i, i + 11);
      if (piece === '10111010000' || piece === '00001011101') sum += 40;
    }
  }
  for (let y = 0; y < n; y++) {
    for (let x = 0; x < n; x++) {
      if (dark[y][x]) count++;
      if (x && y && dark[y][x] === dark[y][x - 1] && dark[y][x] === dark[y - 1][x] && dark[y][x] === dark[y - 1][x - 1]) sum += 3;
    }
  }
  return sum + 10 * Math.floor(Math.abs((count * 20) / (n * n) - 10));
}

// matrix is the code of a text, or null when it is longer than 213 bytes.
function matrix(text) {
  const bytes = utf8(text);
  const version = SIZES.findIndex(([total, blocks, degree], i) => 4 + (i < 9 ? 8 : 16) + 8 * bytes.length <= 8 * (total - blocks * degree)) + 1;
  if (!version) return null;
  const data = codewords(bytes, version);
  const { n, dark, fixed, format } = frame(version);
  let bit = 0;
  for (let right = n - 1, up = true; right > 0; right -= 2, up = !up) {
    if (right === 6) right--;
    for (let i = 0; i < n; i++) {
      const y = up ? n - 1 - i : i;
      for (let x = right; x > right - 2; x--) {
        if (fixed[y][x]) continue;
        dark[y][x] = bit < data.length * 8 && ((data[bit >> 3] >> (7 - (bit & 7))) & 1) === 1;
        bit++;
      }
    }
  }
  let best = null;
  MASKS.forEach((mask, number) => {
    const flip = (row, y) => row.map((d, x) => (fixed[y][x] ? d : d !== mask(x, y)));
    format(number);
    const candidate = dark.map(flip);
    const score = penalty(candidate);
    if (!best || score < best.score) best = { score, candidate };
  });
  return best.candidate;
}

// draw paints a matrix, with its light border of four, into a square of a 2d canvas.
function draw(ctx, modules, side) {
  const n = modules.length + 8;
  ctx.fillStyle = '#ffffff';
  ctx.fillRect(0, 0, side, side);
  ctx.fillStyle = '#000000';
  const edge = (i) => Math.round((i * side) / n); // shared edges leave no gaps
  modules.forEach((row, y) => row.forEach((on, x) => {
    if (on) ctx.fillRect(edge(x + 4), edge(y + 4), edge(x + 5) - edge(x + 4), edge(y + 5) - edge(y + 4));
  }));
}

// paint draws a text into the page's canvas of that selector. A canvas that is gone is no error.
function paint(wx, page, selector, text) {
  const modules = matrix(text);
  if (!modules) return Promise.resolve(false);
  return new Promise((done) => {
    wx.createSelectorQuery().in(page).select(selector).fields({ node: true, size: true }).exec((found) => {
      const target = found && found[0];
      if (!target || !target.node) return done(false);
      const scale = (wx.getWindowInfo ? wx.getWindowInfo() : wx.getSystemInfoSync()).pixelRatio || 2;
      target.node.width = target.width * scale;
      target.node.height = target.height * scale;
      draw(target.node.getContext('2d'), modules, target.node.width);
      return done(true);
    });
  });
}

module.exports = { matrix, draw, paint };
