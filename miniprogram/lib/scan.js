// What the camera or a keyboard gave is text from outside: it is bounded, cleaned and sorted
// here, and the server looks at it again.
const { narrow } = require('./form');

const MAX = 256;
const BARCODES = ['EAN_13', 'EAN_8', 'UPC_A', 'UPC_E', 'ITF', 'CODE_39', 'CODE_93', 'CODE_25', 'CODABAR'];

// Damm's quasigroup: the check digit of card codes finds every wrong digit and every swap.
const DAMM = ['0317598642', '7092154863', '4206871359', '1750983426', '6123045978', '3674209581', '5869720134', '8945362017', '9438617205', '2581436790'];

// cardCode gives the twelve digits of a card code, or null.
function cardCode(text) {
  const code = narrow(String(text)).replace(/[\s\-\u00a0]/g, '');
  if (!/^[0-9]{12}$/.test(code)) return null;
  let check = 0;
  for (const d of code) check = Number(DAMM[check][d]);
  return check === 0 ? code : null;
}

// grouped is a code in fours for people to read.
function grouped(code) {
  return String(code).replace(/(.{4})(?=.)/g, '$1 ');
}

// goodBarcode checks the last digit of EAN-8, UPC-A, EAN-13 and EAN-14.
function goodBarcode(text) {
  if (!/^([0-9]{8}|[0-9]{12,14})$/.test(text)) return false;
  let sum = 0;
  for (let i = text.length - 2, weight = 3; i >= 0; i--, weight = 4 - weight) sum += Number(text[i]) * weight;
  return (10 - (sum % 10)) % 10 === Number(text[text.length - 1]);
}

// route reads where a scanned code of this mini program leads.
function route(path) {
  const [page, rest = ''] = String(path).split('?');
  const fields = {};
  for (const part of rest.split('&')) {
    const [k, v = ''] = part.split('=');
    if (k) fields[k] = safeDecode(v);
  }
  return { page, fields };
}

function safeDecode(s) {
  try {
    return decodeURIComponent(s);
  } catch (e) {
    return s;
  }
}

// campaignOf reads the query of the campaign page: slug and ch, or the scene of a mini program
// code, which has 32 characters at most: "c.7Hk2QaPx", a short code that the server knows, or
// "latte~menu" with the campaign and the channel themselves.
function campaignOf(fields) {
  if (fields.slug) return { slug: safeDecode(fields.slug), ch: fields.ch || '', short: '' };
  const scene = safeDecode(fields.scene || '');
  const code = /^c\.([1-9A-HJ-NP-Za-km-z]{8})$/.exec(scene);
  if (code) return { slug: '', ch: '', short: code[1] };
  const [slug, ch = ''] = scene.split('~');
  return { slug, ch, short: '' };
}

// campaignPath is the campaign page for a link of our server, as posters carry it: /q/{short} or
// /c/{slug}. Empty for every other address.
function campaignPath(text, server) {
  const page = '/pages/campaign/campaign?';
  if (!String(text).startsWith(server + '/')) return '';
  const found = route(text.slice(server.length + 1));
  const code = /^q\/([1-9A-HJ-NP-Za-km-z]{8})$/.exec(found.page);
  if (code) return page + 'scene=' + encodeURIComponent('c.' + code[1]);
  const slug = /^c\/([a-z0-9-]{1,40})$/.exec(found.page);
  return slug ? `${page}slug=${slug[1]}${found.fields.ch ? '&ch=' + encodeURIComponent(found.fields.ch) : ''}` : '';
}

// parse sorts a result of wx.scanCode (or {result} from a keyboard):
// card {code, text} (text is the signed pass when there is one), barcode {text}, page {page, fields}, link {text}, text {text}, or bad.
function parse(scan) {
  const type = scan.scanType || '';
  if (scan.path) return { kind: 'page', type, ...route(scan.path) };
  const text = String(scan.result || '').trim();
  if (!text || text.length > MAX || /[\u0000-\u001f\u007f]/.test(text)) return { kind: 'bad', type };
  if (BARCODES.includes(type)) return { kind: 'barcode', type, text };
  const pass = /^KQ1\.[0-9a-z]{1,12}\.([0-9A-Za-z-]{4,32})\.[0-9a-z]{0,8}\.[\w-]{86}$/.exec(text);
  if (pass) return { kind: 'card', type, code: pass[1], text };
  const code = cardCode(text);
  if (code) return { kind: 'card', type, code, text: code };
  if (/^https?:\/\//i.test(text)) return { kind: 'link', type, text };
  return { kind: goodBarcode(text) ? 'barcode' : 'text', type, text };
}

// camera is wx.scanCode as a promise; null when the person cancels.
function camera(wx, scanType) {
  return new Promise((done, fail) => wx.scanCode({
    scanType: scanType || ['qrCode', 'barCode'],
    success: done,
    fail: (e) => (/cancel/.test(e.errMsg || '') ? done(null) : fail(new Error(e.errMsg))),
  }));
}

module.exports = { parse, cardCode, grouped, goodBarcode, campaignOf, campaignPath, camera, MAX };
