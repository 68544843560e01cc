// Money is whole fen, never a fraction: 0.1 + 0.2 is no amount.
const { narrow } = require('./form');

const MAX = 1e10; // fen

// parseYuan reads what a person types: 12, 12.5, 12.50, ¥1,200. null when it is no amount.
function parseYuan(text) {
  const s = narrow(String(text)).replace(/[\s¥￥]/g, '');
  const m = /^(\d{1,3}(?:,\d{3})+|\d{1,9})(?:\.(\d{1,2}))?$/.exec(s);
  if (!m) return null;
  const fen = Number(m[1].replace(/,/g, '')) * 100 + Number((m[2] || '').padEnd(2, '0'));
  return fen <= MAX ? fen : null;
}

// yuan writes fen as 12.50; a whole number of fen is asked for.
function yuan(fen) {
  if (!Number.isSafeInteger(fen)) return '';
  const abs = Math.abs(fen);
  return (fen < 0 ? '-' : '') + Math.floor(abs / 100) + '.' + String(abs % 100).padStart(2, '0');
}

module.exports = { parseYuan, yuan, MAX };
