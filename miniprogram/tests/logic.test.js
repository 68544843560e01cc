const test = require('node:test');
const assert = require('node:assert/strict');
const { checkForm, mobile, plate, serverErrors } = require('../lib/form');
const { parseYuan, yuan } = require('../lib/money');
const { parse, cardCode, grouped, goodBarcode, campaignOf, campaignPath } = require('../lib/scan');
const { viewOf, ofOutcome, STATES } = require('../lib/states');
const time = require('../lib/time');
const texts = require('../texts/index');

test('mobile numbers as people type them', () => {
  for (const typed of ['13800138000', '138 0013 8000', '138-0013-8000', '+86 13800138000', '008613800138000', '１３８００１３８０００', ' 13800138000\u202e']) assert.equal(mobile(typed), '13800138000', typed);
  for (const typed of ['', '12800138000', '1380013800', '138001380001', '1380013800a', '021-62345678']) assert.equal(mobile(typed), null, typed);
});

test('plates as people type them, new-energy ones too', () => {
  for (const [typed, want] of Object.entries({ '京a·12345': '京A12345', '京A 12345': '京A12345', '京Ａ１２３４５': '京A12345', '粤BD12345': '粤BD12345', '粤B12345D': '粤B12345D', '粤BDA1234': '粤BDA1234', '沪A1234学': '沪A1234学', '粤Z1234港': '粤Z1234港', '京A・12345': '京A12345' })) assert.equal(plate(typed), want, typed);
  for (const typed of ['', '京12345', '京I12345', '京A1234O', '粤BL12345', '粤BI12345', '粤B123456D', 'XA12345', '京A1234']) assert.equal(plate(typed), null, typed);
});

const FORM = [
  { key: 'name', kind: 'text', label: '姓名', required: true }, { key: 'plate', kind: 'plate', label: '车牌号', required: true },
  { key: 'phone', kind: 'mobile', label: '手机号', required: true }, { key: 'size', kind: 'choice', label: '杯型', options: ['大杯', '小杯'] }, { key: 'car', kind: 'text', label: '车型' },
];

test('a form tells every mistake at once', () => {
  const { errors, ok } = checkForm(FORM, { plate: '京A1', phone: '138', size: '超大杯', car: '长'.repeat(61) }, false);
  assert.equal(ok, false);
  assert.deepEqual(Object.fromEntries(Object.entries(errors).map(([k, v]) => [k, v.key])), { name: 'form_required', plate: 'form_plate', phone: 'form_mobile', size: 'form_choice', car: 'form_long', consent: 'form_consent' });
  assert.equal(texts('zh').t(errors.name.key, errors.name.args), '请填写姓名');
});

test('a good form gives clean answers only', () => {
  const { answers, ok } = checkForm(FORM, { name: ' 👩‍👩‍👧‍👦王\u202e ', plate: '京a·12345', phone: '138 0013 8000', extra: 'x' }, true);
  assert.equal(ok, true);
  assert.deepEqual(answers, { name: '👩‍👩‍👧‍👦王', plate: '京A12345', phone: '13800138000' });
  assert.equal(checkForm([], {}, false).ok, true, 'nothing asked, no consent needed');
  assert.equal(checkForm([FORM[4]], { car: '👩'.repeat(60) }, true).ok, true, 'characters count, not code units');
});

test('the mistakes that the server tells find their fields', () => {
  assert.deepEqual(serverErrors({ errors: [{ field: 'f_phone', message: 'A' }, { field: 'consent', message: 'B' }] }), { phone: 'A', consent: 'B' });
  assert.deepEqual(serverErrors({ errors: [], field: 'key', message: 'C' }), { key: 'C' });
});

test('money is whole fen', () => {
  for (const [typed, fen] of Object.entries({ 12: 1200, '12.5': 1250, '12.50': 1250, '¥1,200.05': 120005, '0.01': 1, '１２．３': 1230, '19.99': 1999 })) assert.equal(parseYuan(typed), fen, typed);
  for (const typed of ['', '1.234', '-1', '1e3', '12,34', '.5', 'abc', '99999999999']) assert.equal(parseYuan(typed), null, typed);
  for (const [fen, want] of [[0, '0.00'], [1, '0.01'], [1250, '12.50'], [-5, '-0.05']]) assert.equal(yuan(fen), want);
  assert.equal(yuan(0.5), '', 'a part of a fen is no money');
  for (let fen = 0; fen < 3000; fen++) assert.equal(parseYuan(yuan(fen)), fen);
});

test('a card code has a check digit that fits', () => {
  const good = '572400000000'; // 5724 is Damm's own example
  assert.equal(cardCode(good), good);
  assert.equal(cardCode('5724 0000-0000'), good);
  assert.equal(grouped(good), '5724 0000 0000');
  for (let i = 0; i < 12; i++) for (let d = 0; d < 10; d++) if (String(d) !== good[i]) assert.equal(cardCode(good.slice(0, i) + d + good.slice(i + 1)), null);
  assert.equal(cardCode('752400000000'), null, 'neighbours swapped');
});

test('what the camera gives is sorted and bounded', () => {
  assert.deepEqual(parse({ result: '572400000000', scanType: 'QR_CODE' }), { kind: 'card', type: 'QR_CODE', code: '572400000000', text: '572400000000' });
  assert.equal(parse({ result: '6901234567892', scanType: 'EAN_13' }).kind, 'barcode');
  assert.equal(parse({ result: '572400000000', scanType: 'UPC_A' }).kind, 'barcode', 'an article whose number looks like a card');
  assert.deepEqual(parse({ path: 'pages/campaign/campaign?scene=latte~menu', scanType: 'WX_CODE' }).fields, { scene: 'latte~menu' });
  assert.equal(parse({ result: 'https://example.com/x', scanType: 'QR_CODE' }).kind, 'link');
  for (const result of ['', '   ', 'a\u0000b', 'x'.repeat(257), undefined]) assert.equal(parse({ result }).kind, 'bad');
  assert.equal(goodBarcode('6901234567892'), true);
  assert.equal(goodBarcode('6901234567893'), false);
  assert.equal(goodBarcode('96385074'), true);
});

test('a campaign is found by its link or by the scene of a code', () => {
  assert.deepEqual(campaignOf({ slug: 'latte', ch: 'menu' }), { slug: 'latte', ch: 'menu', short: '' });
  assert.deepEqual(campaignOf({ scene: 'latte%7Emenu' }), { slug: 'latte', ch: 'menu', short: '' });
  assert.deepEqual(campaignOf({ scene: 'latte' }), { slug: 'latte', ch: '', short: '' });
  assert.deepEqual(campaignOf({ scene: 'c.7Hk2QaPx' }), { slug: '', ch: '', short: '7Hk2QaPx' });
  assert.deepEqual(campaignOf({}), { slug: '', ch: '', short: '' });
  const home = 'https://kq.example.com';
  assert.equal(campaignPath(home + '/q/7Hk2QaPx', home), '/pages/campaign/campaign?scene=c.7Hk2QaPx');
  assert.equal(campaignPath(home + '/c/latte?ch=menu&s=1', home), '/pages/campaign/campaign?slug=latte&ch=menu');
  for (const other of [home + '.evil.example/q/7Hk2QaPx', home + '/admin', 'https://other.example/c/latte', home + '/c/../admin', '']) assert.equal(campaignPath(other, home), '', other);
});

test('every state has words for its button, and a new one can be refreshed', () => {
  for (const state of Object.keys(STATES)) {
    const v = viewOf({ state, form: [{}], mine: [{ id: '1', hold_until: 'x' }], starts_at: 'y' });
    if (v.action) assert.notEqual(texts('zh').t('act_' + v.action), 'act_' + v.action, state);
  }
  assert.equal(viewOf({ state: 'from_the_future' }).action, 'refresh');
  assert.equal(viewOf({ state: 'ended', mine: [] }).action, 'refresh', 'nothing to show');
  assert.equal(viewOf({ state: 'form', form: [] }).action, 'claim', 'a form that asks nothing');
  assert.equal(viewOf({ state: 'already', mine: [{}], standing: { more: true } }).second, 'more');
});

test('a claim that waits for its money can be paid in any state', () => {
  const page = (state) => ({ state, price: 990, mine: [{ id: '1', hold_until: 'h', order: { state: 'awaiting' } }] });
  for (const state of ['claiming', 'cancelled', 'pay_needed', 'pay_failed']) {
    const v = viewOf(page(state));
    assert.equal(v.action, 'pay', state);
    assert.equal(v.second, 'paid', state);
    assert.equal(v.until, 'h', state);
  }
  assert.equal(viewOf({ state: 'claiming', mine: [{ id: '1', order: { state: 'paid' } }] }).action, 'wallet');
});

test('ends of wx calls', () => {
  assert.equal(ofOutcome('addCard:ok'), 'ok');
  assert.equal(ofOutcome('requestPayment:fail cancel'), 'cancel');
  assert.equal(ofOutcome('addCard:fail signature error'), 'fail');
  assert.equal(ofOutcome(undefined), 'fail');
});

test('time is the shop\'s, and what is left counts down to nothing', () => {
  assert.equal(time.dateTime('2026-11-21T02:05:00Z'), '2026-11-21 10:05');
  assert.equal(time.clock('2026-11-20T16:00:00Z'), '00:00');
  assert.equal(time.day(Date.parse('2026-11-20T16:00:00Z')), '2026-11-21');
  assert.equal(time.dateTime(''), '');
  const at = Date.parse('2026-11-21T02:00:00Z');
  for (const [iso, want] of [['2026-11-21T02:04:58Z', '4:58'], ['2026-11-21T03:04:05Z', '1:04:05'], ['2026-11-23T03:00:09Z', '2d 1:00:09'], ['2026-11-21T02:00:00Z', ''], ['', ''], ['2026-11-21T02:00:00.400Z', '0:01']]) assert.equal(time.left(iso, at), want, iso);
});
