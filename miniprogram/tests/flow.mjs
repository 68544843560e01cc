// One person against a running Kaquan and a running WeChat sandbox: signs in, fills the form,
// claims, and finds the card; a second tap and a second visit change nothing. Started with
//
//   KAQUAN_URL=… SANDBOX_URL=… KAQUAN_SLUG=latte [KAQUAN_CARD_SLUG=muffin] [MINI_APP_ID=…] node tests/flow.mjs
//
// KAQUAN_SLUG is a campaign with own codes, KAQUAN_CARD_SLUG one with cards of WeChat. It writes one line
// of JSON with what it found and ends with 0, or with 1 and the reason.
import { createRequire } from 'node:module';
import assert from 'node:assert/strict';

const require = createRequire(import.meta.url);
const { createWx } = require('./wx.js');
const { world, open, tap, until } = require('./harness.js');

const { KAQUAN_URL, SANDBOX_URL, KAQUAN_SLUG, KAQUAN_CARD_SLUG, MINI_APP_ID } = process.env;
assert.ok(KAQUAN_URL && SANDBOX_URL && KAQUAN_SLUG, 'KAQUAN_URL, SANDBOX_URL and KAQUAN_SLUG are needed');

const wx = createWx({ server: KAQUAN_URL, sandbox: SANDBOX_URL, persona: '', ...(MINI_APP_ID ? { appId: MINI_APP_ID } : {}) });
wx.persona = (await wx.hand('visitor')).persona;
const app = world(wx, KAQUAN_URL);
const ANSWERS = { mobile: '138 0013 8000', plate: '京a·12345', text: '小李☕' };

// fill writes an answer of each kind into the form.
function fill(page) {
  for (const f of page.data.fields) {
    if (f.kind === 'choice') page.onChoice(tap({ key: f.key }, { value: '0' }));
    else page.onInput(tap({ key: f.key }, { value: ANSWERS[f.kind] }));
  }
  if (page.data.page.consent.needed) page.onConsent({ detail: { value: ['yes'] } });
}

const claims = () => wx.seen.requests.filter((r) => r.method === 'POST' && /\/claims$/.test(r.path)).length;
const found = { persona: wx.persona };

const profile = await open('pages/profile/profile.js');
assert.ok(profile.data.me, `signing in: ${profile.data.problem}`);
found.ref = profile.data.me.id;
await profile.onNickname({ detail: { value: { nickname: '小李☕' } } });
assert.equal(profile.data.me.nickname, '小李☕', wx.seen.toasts.join());
const phone = await wx.hand('phone-code');
await profile.onPhone({ detail: phone });
assert.match(profile.data.me.phone, /^1380013\d{4}$/, wx.seen.toasts.join());

const page = await open('pages/campaign/campaign.js', { scene: encodeURIComponent(KAQUAN_SLUG) });
assert.equal(page.data.problem, null, JSON.stringify(page.data.problem));
found.before = page.data.page.state;
if (page.data.view.action === 'form') fill(page);
await Promise.all([page.onPrimary(), page.onPrimary()]);
assert.equal(claims(), 1, 'a double tap is one claim');
found.after = page.data.page.state;
assert.equal(page.data.view.tone, 'good', `${found.after}: ${wx.seen.toasts.join()} ${JSON.stringify(page.data.fields)}`);
page.onUnload();

const cards = await open('pages/cards/cards.js');
assert.equal(cards.data.rows.length, 1, cards.data.problem);
found.code = cards.data.rows[0].code;
assert.match(cards.data.rows[0].groups, /^\d{4} \d{4} \d{4}$/);
cards.onOpen(tap({ id: cards.data.rows[0].id }));
await until(() => wx.painted && wx.painted.length > 50);

const again = await open('pages/campaign/campaign.js', { slug: KAQUAN_SLUG });
assert.notEqual(again.data.view.action, 'form', 'the second visit offers the card, not the form');
again.onUnload();

// A session that ended in between is replaced without a word.
app.api.session.write({ token: 'x'.repeat(43), expires_at: '2100-01-01T00:00:00Z' });
const later = await open('pages/cards/cards.js');
assert.equal(later.data.problem, '');
assert.equal(later.data.rows.length, 1);

if (KAQUAN_CARD_SLUG) {
  wx.wanted.addCard = 'cancel';
  const wallet = await open('pages/campaign/campaign.js', { slug: KAQUAN_CARD_SLUG });
  assert.equal(wallet.data.problem, null, JSON.stringify(wallet.data.problem));
  if (wallet.data.view.action === 'form') fill(wallet);
  await wallet.onPrimary();
  found.cancelled = wallet.data.page.state;
  assert.equal(wallet.data.view.action, 'wallet', `${found.cancelled}: ${wx.seen.toasts.join()}`);
  wx.wanted.addCard = 'add';
  await wallet.onPrimary();
  found.added = wallet.data.page.state;
  assert.ok(['confirming', 'claimed'].includes(found.added), `${found.added}: ${wx.seen.toasts.join()}`);
  wallet.onUnload();
}

process.stdout.write(JSON.stringify(found) + '\n');
