// A store's morning against a running server and a running WeChat sandbox: a guest claims a card, a
// member of the staff signs in by PIN, scans the pass and redeems it once, and stock comes in, goes out and is
// counted by scanning. Started with
//
//   KAQUAN_URL=… SANDBOX_URL=… KAQUAN_SLUG=latte PLACE=GM STAFF=王店长 PIN=… BARCODE=… [MINI_APP_ID=…] node tests/staff-flow.mjs
//
// The member is a manager, the card is not exchanged for goods, and at least three articles of the barcode
// are at the place. It writes one line of JSON with what it found and ends with 0, or with 1 and the reason.
import { createRequire } from 'node:module';
import assert from 'node:assert/strict';

const require = createRequire(import.meta.url);
const { createWx } = require('./wx.js');
const { world, open, tap, until } = require('./harness.js');

const { KAQUAN_URL, SANDBOX_URL, KAQUAN_SLUG, PLACE, STAFF, PIN, BARCODE, MINI_APP_ID } = process.env;
assert.ok(KAQUAN_URL && SANDBOX_URL && KAQUAN_SLUG && PLACE && STAFF && PIN && BARCODE, 'the variables above are needed');

async function phone() {
  const wx = createWx({ server: KAQUAN_URL, sandbox: SANDBOX_URL, persona: '', ...(MINI_APP_ID ? { appId: MINI_APP_ID } : {}) });
  wx.persona = (await wx.hand('visitor')).persona;
  return { wx, app: world(wx, KAQUAN_URL) };
}

// The guest.
const guest = await phone();
const page = await open('pages/campaign/campaign.js', { slug: KAQUAN_SLUG });
assert.equal(page.data.problem, null, JSON.stringify(page.data.problem));
await page.onPrimary();
page.onUnload();
const { claims } = await guest.app.api.get('/mini/v1/claims');
assert.equal(claims.length, 1, guest.wx.seen.toasts.join());
const { code, qr } = claims[0].claim;
assert.match(qr, /^KQ1\./, 'the card shows a signed pass');

// The counter.
const { wx, app } = await phone();
let scanned = null;
wx.scanCode = (o) => o.success({ errMsg: 'scanCode:ok', ...scanned });
const door = await open('staff/signin/signin.js', { place: PLACE.toLowerCase() });
assert.ok(door.data.place, door.data.error);
door.onWho(tap({ id: door.data.place.staff.find((m) => m.name === STAFF).id }));
door.onPin(tap({}, { value: PIN }));
await door.onSignIn();
assert.equal(wx.seen.went.pop().url, '/staff/scan/scan', door.data.error);

const till = await open('staff/scan/scan.js');
scanned = { result: qr, scanType: 'QR_CODE' };
await till.onScan();
assert.equal(till.data.card && till.data.card.code, code, till.data.hint);
await Promise.all([till.onConfirm(), till.onConfirm()]);
assert.equal(till.data.result.tone, 'good', till.data.result.body);
assert.ok(till.data.undoText, 'it can be taken back for some minutes');
till.onNext();
await till.onScan();
assert.equal(till.data.result.tone, 'bad');
assert.ok(till.data.result.body.includes(STAFF), till.data.result.body);
const found = { code, second: till.data.result.body };
till.onNext();
till.onUnload();

const today = await open('staff/today/today.js');
assert.equal(today.data.rows.length, 1);
assert.equal(today.data.summary.redeemed, 1);
found.summary = today.data.summary.text;

// A second card, accepted without a network, is sent by itself.
const second = await phone();
const later = await open('pages/campaign/campaign.js', { slug: KAQUAN_SLUG });
await later.onPrimary();
later.onUnload();
const pass = (await second.app.api.get('/mini/v1/claims')).claims[0].claim.qr;
global.wx = wx;
global.getApp = () => app;
const offline = await open('staff/scan/scan.js');
wx.setNetwork(false);
await offline.look({ result: pass, scanType: 'QR_CODE' });
assert.equal(offline.data.result.tone, 'wait', offline.data.hint);
wx.setNetwork(true);
await until(() => !offline.data.waiting);
assert.equal(offline.data.conflicts, '');
offline.onUnload();

// The stock.
const home = await open('stock/home/home.js');
scanned = { result: BARCODE, scanType: 'EAN_13' };
await home.onScan();
const goodsUrl = wx.seen.went.pop().url;
assert.match(goodsUrl, /^\/stock\/goods\/goods\?id=/);
const goods = await open('stock/goods/goods.js', { id: goodsUrl.split('id=')[1] });
const before = goods.data.goods.stock;
async function book(kind, quantity) {
  goods.onKind(tap({ kind }));
  goods.onQuantity(tap({}, { value: String(quantity) }));
  await goods.onBook();
  assert.deepEqual(goods.data.errors, {}, wx.seen.toasts.join());
  return goods.data.goods.stock;
}
assert.equal(await book('in', 6), before + 6);
assert.equal(await book('out', 2), before + 4);
goods.onKind(tap({ kind: 'out' }));
goods.onQuantity(tap({}, { value: '999999' }));
await goods.onBook();
assert.match(goods.data.errors.quantity, new RegExp(String(before + 4)), 'a refusal tells what is there');

const count = await open('stock/count/count.js', { place: app.staff.read().place.id });
wx.wanted.modal = () => ({ confirm: true, content: String(before + 3) });
await count.onScan();
assert.equal(count.data.count.lines[0].difference, -1, wx.seen.toasts.join());
await count.onClose();
const log = await open('stock/log/log.js', { place: app.staff.read().place.id });
assert.deepEqual(log.data.rows.slice(0, 3).map((r) => [r.kind, r.quantity]), [['count', -1], ['out', -2], ['in', 6]]);
found.stock = log.data.rows[0].after;

process.stdout.write(JSON.stringify(found) + '\n');
