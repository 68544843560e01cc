// Paid cards against a running server and a running WeChat sandbox: one guest closes the payment, pays after
// all and has the card redeemed, whereupon no money goes back; another pays and gets the money back, and the
// card is in stock again. Started with
//
//   KAQUAN_URL=… SANDBOX_URL=… [BANK_URL=…] KAQUAN_SLUG=… PLACE=GM STAFF=王店长 PIN=… [MINI_APP_ID=…] node tests/pay-flow.mjs
//
// The campaign has a price, exactly two cards, shows its stock and asks nothing; lin and mei have none yet.
// It writes one line of JSON with what it found and ends with 0, or with 1 and the reason.
import { createRequire } from 'node:module';
import assert from 'node:assert/strict';

const require = createRequire(import.meta.url);
const { createWx } = require('./wx.js');
const { world, open, tap } = require('./harness.js');

const { KAQUAN_URL, SANDBOX_URL, KAQUAN_SLUG, PLACE, STAFF, PIN, MINI_APP_ID } = process.env;
assert.ok(KAQUAN_URL && SANDBOX_URL && KAQUAN_SLUG && PLACE && STAFF && PIN, 'the variables above are needed');

function phone(persona) {
  const wx = createWx({ server: KAQUAN_URL, sandbox: SANDBOX_URL, persona, ...(MINI_APP_ID ? { appId: MINI_APP_ID } : {}) });
  return { wx, app: world(wx, KAQUAN_URL) };
}
const campaign = () => open('pages/campaign/campaign.js', { slug: KAQUAN_SLUG });

// The first guest closes the payment: the card stays set aside, and paying goes on.
const lin = phone('lin');
lin.wx.wanted.pay = 'cancel';
const first = await campaign();
assert.equal(first.data.problem, null, JSON.stringify(first.data.problem));
assert.match(first.data.price, /¥/);
await first.onPrimary();
assert.equal(first.data.view.action, 'pay', first.data.view.state);
assert.ok(first.data.view.until, 'the card is set aside for some time');
const found = { cancelled: first.data.view.state };
lin.wx.wanted.pay = 'pay';
await first.onPrimary();
assert.equal(first.data.page.mine[0].state, 'confirmed', lin.wx.seen.toasts.join());
found.paid = first.data.view.state;
const { claims } = await lin.app.api.get('/mini/v1/claims');
const { code, qr } = claims[0].claim;
assert.ok(code && qr, 'a paid card shows its code');

// The counter.
const counter = phone('lin');
counter.wx.scanCode = (o) => o.success({ errMsg: 'scanCode:ok', result: qr, scanType: 'QR_CODE' });
const door = await open('staff/signin/signin.js', { place: PLACE.toLowerCase() });
assert.ok(door.data.place, door.data.error);
door.onWho(tap({ id: door.data.place.staff.find((m) => m.name === STAFF).id }));
door.onPin(tap({}, { value: PIN }));
await door.onSignIn();
const till = await open('staff/scan/scan.js');
await till.onScan();
await till.onConfirm();
assert.equal(till.data.result && till.data.result.tone, 'good', till.data.hint);
till.onUnload();

// A card that was used is not paid back.
global.wx = lin.wx;
global.getApp = () => lin.app;
await first.load();
assert.equal(first.data.refundable, false);
await assert.rejects(lin.app.api.post(`/mini/v1/claims/${first.data.page.mine[0].id}/refund`), (e) => {
  found.used = e.code;
  return e.status === 409;
});
first.onUnload();

// The second guest changes their mind.
const mei = phone('mei');
const second = await campaign();
const before = second.data.page.stock;
await second.onPrimary();
assert.equal(second.data.page.mine[0].state, 'confirmed', mei.wx.seen.toasts.join());
assert.equal(second.data.refundable, true);
mei.wx.wanted.modal = () => ({ confirm: false });
await second.onRefund();
assert.equal(second.data.refundable, true, 'nothing happens without a yes');
mei.wx.wanted.modal = () => ({ confirm: true });
await second.onRefund();
assert.equal(second.data.refundable, false);
const after = await mei.app.api.get('/mini/v1/campaigns/' + KAQUAN_SLUG, { more: 1 });
assert.deepEqual(after.stock, before, 'the card is in stock again');
found.refunded = second.data.view.state;
second.onUnload();

console.log(JSON.stringify(found));
