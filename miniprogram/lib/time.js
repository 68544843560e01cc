// Times come in UTC and are shown as the clock of the shop in China shows them.
const SHANGHAI = 8 * 3600 * 1000;
const two = (n) => String(n).padStart(2, '0');

function parts(iso) {
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? null : new Date(ms + SHANGHAI);
}

// dateTime is 2026-11-21 10:05; empty for no time.
function dateTime(iso) {
  const d = parts(iso);
  return d ? `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}` : '';
}

// clock is 10:05.
function clock(iso) {
  return dateTime(iso).slice(11);
}

// day is the date in the shop, n days before.
function day(ms, before = 0) {
  return dateTime(new Date(ms - before * 86400000).toISOString()).slice(0, 10);
}

// left is what remains, as 4:58, 1:04:58 or 2d 1:04:58; empty when it is over.
function left(iso, now) {
  const s = Math.ceil((Date.parse(iso) - now) / 1000);
  if (!(s > 0)) return '';
  const hours = Math.floor(s / 3600);
  const minutes = Math.floor(s / 60) % 60;
  if (!hours) return `${minutes}:${two(s % 60)}`;
  const days = Math.floor(hours / 24);
  return (days ? days + 'd ' : '') + `${hours % 24}:${two(minutes)}:${two(s % 60)}`;
}

module.exports = { dateTime, clock, day, left };
