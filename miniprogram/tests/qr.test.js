const test = require('node:test');
const assert = require('node:assert/strict');
const { matrix, draw } = require('../lib/qr');

// read decodes a drawing as a camera would, from its own reading of the standard.
function read(m) {
  const n = m.length;
  const version = (n - 17) / 4;
  const TABLE = [[26, 1, 10], [44, 1, 16], [70, 1, 26], [100, 2, 18], [134, 2, 24], [172, 4, 16], [196, 4, 18], [242, 4, 22], [292, 5, 22], [346, 5, 26]];
  const SECOND = [0, 18, 22, 26, 30, 34, 38, 42, 46, 50];
  const [total, blocks, degree] = TABLE[version - 1];
  let format = 0;
  for (const [x, y] of [[0, 8], [1, 8], [2, 8], [3, 8], [4, 8], [5, 8], [7, 8], [8, 8], [8, 7], [8, 5], [8, 4], [8, 3], [8, 2], [8, 1], [8, 0]]) format = (format << 1) | (m[y][x] ? 1 : 0);
  format ^= 0b101010000010010;
  assert.equal(format >> 13, 0, 'error correction M');
  const mask = (format >> 10) & 7;
  const flips = [(i, j) => (i + j) % 2, (i) => i % 2, (i, j) => j % 3, (i, j) => (i + j) % 3, (i, j) => ((i >> 1) + Math.floor(j / 3)) % 2, (i, j) => ((i * j) % 2) + ((i * j) % 3), (i, j) => (((i * j) % 2) + ((i * j) % 3)) % 2, (i, j) => (((i + j) % 2) + ((i * j) % 3)) % 2];
  const centres = version === 1 ? [] : version < 7 ? [6, SECOND[version - 1]] : [6, (SECOND[version - 1] + 6) / 2, SECOND[version - 1]];
  const reserved = (x, y) => x === 6 || y === 6 || (x < 9 && y < 9) || (x > n - 9 && y < 9) || (x < 9 && y > n - 9)
    || (version > 6 && ((x > n - 12 && y < 6) || (y > n - 12 && x < 6)))
    || centres.some((cx) => centres.some((cy) => !(cx === 6 && cy === 6) && !(cx === 6 && cy === n - 7) && !(cx === n - 7 && cy === 6) && Math.abs(x - cx) < 3 && Math.abs(y - cy) < 3));
  const bits = [];
  let up = true;
  for (let x = n - 1; x > 0; x -= 2) {
    if (x === 6) x = 5;
    for (let k = 0; k < n; k++) {
      const y = up ? n - 1 - k : k;
      for (const c of [x, x - 1]) if (!reserved(c, y)) bits.push(m[y][c] !== (flips[mask](y, c) === 0) ? 1 : 0);
    }
    up = !up;
  }
  const words = [];
  for (let i = 0; i < total; i++) words.push(parseInt(bits.slice(i * 8, i * 8 + 8).join(''), 2));
  const room = total - blocks * degree;
  const parts = Array.from({ length: blocks }, () => []);
  const short = Math.floor(room / blocks);
  let at = 0;
  for (let i = 0; i <= short; i++) for (let b = 0; b < blocks; b++) if (i < short || b >= blocks - (room % blocks)) parts[b].push(words[at++]);
  const data = parts.flat();
  for (let i = 0; i < degree; i++) for (const p of parts) p.push(words[at++]);
  // A block is right when its polynomial is zero at every root.
  const mul = (a, b) => { let r = 0; for (; b; b >>= 1) { if (b & 1) r ^= a; a = a & 128 ? (a << 1) ^ 0x11d : a << 1; } return r; };
  for (const p of parts) for (let r = 0, root = 1; r < degree; r++, root = mul(root, 2)) assert.equal(p.reduce((sum, w) => mul(sum, root) ^ w, 0), 0, 'check codewords');
  const stream = data.map((w) => w.toString(2).padStart(8, '0')).join('');
  assert.equal(stream.slice(0, 4), '0100');
  const counter = version < 10 ? 8 : 16;
  const length = parseInt(stream.slice(4, 4 + counter), 2);
  const bytes = [];
  for (let i = 0; i < length; i++) bytes.push(parseInt(stream.substr(4 + counter + i * 8, 8), 2));
  return Buffer.from(bytes).toString('utf8');
}

test('codes of every size read back as they were written', () => {
  for (const n of [1, 12, 14, 15, 26, 27, 42, 43, 62, 63, 84, 85, 106, 107, 122, 123, 152, 153, 180, 181, 213]) {
    const text = 'https://kaquan.example.com/c/latte?ch=menu&'.repeat(6).slice(0, n);
    assert.equal(read(matrix(text)), text, `${n} bytes`);
  }
  assert.equal(read(matrix('拿铁半价 ☕')), '拿铁半价 ☕');
});

test('a text that fits no code gives none', () => {
  assert.equal(matrix('x'.repeat(214)), null);
});

test('a drawing leaves a light border and no gaps between its places', () => {
  const rects = [];
  draw({ fillRect: (...r) => rects.push(r) }, matrix('572400000000'), 521);
  const [, ...dark] = rects;
  const unit = 521 / (matrix('572400000000').length + 8);
  for (const [x, y, w, h] of dark) {
    assert.ok(Number.isInteger(x) && Number.isInteger(w) && x >= Math.floor(4 * unit) && y >= Math.floor(4 * unit));
    assert.ok(w >= Math.floor(unit) && h >= Math.floor(unit) && x + w <= 521 - Math.floor(4 * unit) + 1);
  }
});
