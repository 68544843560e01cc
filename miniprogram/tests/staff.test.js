const test = require('node:test');
const assert = require('node:assert/strict');
const { start, refuse, STAFF } = require('./fake');
const { open, tap, until } = require('./harness');

const CARD = { code: '572400000000', benefit: '拿铁半价', brand: '示例咖啡', rules: '', validity: '', holder: '3K7Q', state: 'confirmed', redeemable: true, reason: null, gift: { goods: '12', name: '拿铁豆', unit: '包', stock: 4 } };
const soon = () => new Date(Date.now() + 300000).toISOString();
const redemption = (more = {}) => ({ id: 'r1', code: CARD.code, benefit: CARD.benefit, holder: '3K7Q', at: new Date().toISOString(), place: '国贸店', by: '小李', mine: true, undo_until: soon(), undone_at: '', ...more });
const LOOK = 'POST /mini/v1/staff/look';
const REDEEM = 'POST /mini/v1/staff/redemptions';

test('somebody signs in with place, name and PIN', async () => {
  const s = start({
    'GET /mini/v1/staff/places/GM': () => ({ id: '3', name: '国贸店', kind: 'store', staff: [{ id: 's1', name: '小李' }, { id: 's2', name: '小王' }] }),
    'POST /mini/v1/staff/session': (r) => (r.data.pin === '482913' ? { status: 201, data: STAFF } : refuse(422, 'stores.error.wrong_pin', '姓名或 PIN 不对', { field: 'pin' })),
  });
  const page = await open('staff/signin/signin.js');
  page.onCode(tap({}, { value: ' GM ' }));
  await page.find();
  assert.equal(page.data.place.name, '国贸店');
  page.onWho(tap({ id: 's1' }));
  page.onPin(tap({}, { value: '000000' }));
  await page.onSignIn();
  assert.equal(page.data.error, '姓名或 PIN 不对');
  assert.equal(page.data.pin, '', 'a wrong PIN is taken away');
  page.onPin(tap({}, { value: '482913' }));
  await page.onSignIn();
  assert.deepEqual(s.last('POST /mini/v1/staff/session').data, { place: '3', staff: 's1', pin: '482913' });
  assert.deepEqual(s.wx.seen.went, [{ how: 'redirectTo', url: '/staff/scan/scan' }]);
  assert.equal(s.app.staff.token(), 'S1');
  assert.ok(![...s.wx.storage.values()].some((v) => JSON.stringify(v).includes('482913')), 'the PIN is not kept');
});

test('a bound person signs in with WeChat; a stock keeper goes to the stock', async () => {
  const s = start({ 'POST /mini/v1/staff/session': (r) => (r.data.wechat ? { status: 201, data: { ...STAFF, may: { stock: true } } } : refuse(422, 'x', 'x')) });
  const page = await open('staff/signin/signin.js');
  await page.onWechat();
  assert.deepEqual(s.wx.seen.went, [{ how: 'redirectTo', url: '/stock/home/home' }]);
});

test('a binding link signs in, and one that was used does not', async () => {
  let used = false;
  const s = start({ 'POST /mini/v1/staff/bind': (r) => { assert.equal(r.data.token, 'tok'); if (used) return refuse(403, 'stores.error.bind_used', '链接已用过'); used = true; return { status: 201, data: STAFF }; } });
  await open('staff/signin/signin.js', { bind: 'tok' });
  assert.equal(s.app.staff.token(), 'S1');
  s.app.staff.clear();
  const page = await open('staff/signin/signin.js', { bind: 'tok' });
  assert.equal(page.data.error, '链接已用过');
});

test('nobody sees a staff page without a session', async () => {
  const s = start({});
  const page = await open('staff/scan/scan.js');
  page.onUnload();
  await open('stock/home/home.js');
  assert.deepEqual(s.wx.seen.went.map((w) => w.url), ['/staff/signin/signin', '/staff/signin/signin']);
  assert.equal(s.calls.length, 0);
});

test('a card is looked at, confirmed once, and can be undone', async () => {
  const s = start({ [LOOK]: () => ({ kind: 'card', card: CARD }), [REDEEM]: () => ({ status: 201, data: { redemption: redemption() } }), 'POST /mini/v1/staff/redemptions/r1/undo': () => ({ redemption: redemption({ undone_at: 'x' }) }) },
    { staff: true, hands: { 'scan-code': () => ({ errMsg: 'scanCode:ok', result: '572400000000', scanType: 'QR_CODE' }) } });
  const page = await open('staff/scan/scan.js');
  assert.equal(page.data.who, '国贸店 · 小李');
  await page.onScan();
  assert.equal(page.data.card.benefit, '拿铁半价');
  assert.equal(page.data.gift, '赠品：拿铁豆（库存 4包）');
  assert.equal(s.count(REDEEM), 0, 'looking uses nothing up');
  await Promise.all([page.onConfirm(), page.onConfirm()]);
  assert.equal(s.count(REDEEM), 1);
  assert.equal(page.data.result.tone, 'good');
  assert.equal(page.data.result.word, '核销成功');
  assert.match(page.data.undoText, /^撤销（[45]:\d\d）$/);
  assert.deepEqual(s.wx.seen.vibrations, ['short']);
  await page.onUndo();
  assert.equal(page.data.result.word, '已撤销');
  page.onNext();
  assert.equal(page.data.result, null);
  page.onUnload();
});

test('the second scan says who, when and where', async () => {
  const reason = { code: 'redemption.used', message: '已于今天 11:20 在国贸店由小李核销', at: '', place: '国贸店', by: '小李' };
  const s = start({ [LOOK]: () => ({ kind: 'card', card: { ...CARD, redeemable: false, reason } }) }, { staff: true });
  const page = await open('staff/scan/scan.js');
  page.onTyped(tap({}, { value: '5724 0000 0000' }));
  await page.onType();
  assert.equal(s.last(LOOK).data.text, '572400000000');
  assert.equal(page.data.result.tone, 'bad');
  assert.equal(page.data.result.body, reason.message);
  assert.equal(page.data.card, null, 'there is no button to confirm');
  assert.deepEqual(s.wx.seen.vibrations, ['long']);
  page.onUnload();
});

test('a card that somebody else redeems between look and confirm is refused', async () => {
  start({ [LOOK]: () => ({ kind: 'card', card: CARD }), [REDEEM]: () => refuse(409, 'redemption.used', '已于今天 11:20 在国贸店由小王核销') }, { staff: true });
  const page = await open('staff/scan/scan.js');
  await page.look({ result: CARD.code });
  await page.onConfirm();
  assert.equal(page.data.result.body, '已于今天 11:20 在国贸店由小王核销');
  page.onUnload();
});

test('a confirmation whose answer is lost is repeated with the same key', async () => {
  let lost = 3;
  const keys = [];
  const s = start({ [LOOK]: () => ({ kind: 'card', card: CARD }), [REDEEM]: (r) => { keys.push(r.header['Idempotency-Key']); if (lost-- > 0) throw new Error('lost'); return { redemption: redemption() }; } }, { staff: true });
  const page = await open('staff/scan/scan.js');
  await page.look({ result: CARD.code });
  await page.onConfirm();
  assert.equal(page.data.result, null);
  assert.equal(page.data.card.code, CARD.code);
  assert.match(s.wx.seen.toasts[0], /不会重复核销/);
  await page.onConfirm();
  assert.equal(page.data.result.tone, 'good');
  assert.equal(new Set(keys).size, 1);
  page.onUnload();
});

test('without a network a card is noted, sent later, and a refusal stays to be seen', async () => {
  let up = false;
  let answer = () => ({ status: 201, data: { redemption: redemption() } });
  const s = start({ [LOOK]: () => { throw new Error('down'); }, [REDEEM]: (r) => { if (!up) throw new Error('down'); return answer(r); } }, { staff: true });
  const page = await open('staff/scan/scan.js');
  s.wx.setNetwork(false);
  assert.equal(page.data.online, false);
  await page.look({ result: '111111111111' });
  assert.equal(page.data.hint, '这不是券码', 'the check digit is tested without a network');
  await page.look({ result: CARD.code });
  assert.equal(page.data.result.tone, 'wait');
  assert.equal(page.data.waiting, '1 条等待提交');
  answer = (r) => { assert.equal(r.data.offline, true); assert.ok(r.data.at); return refuse(409, 'redemption.used', '已核销'); };
  up = true;
  s.wx.setNetwork(true);
  await until(() => page.data.conflicts);
  assert.equal(page.data.waiting, '');
  assert.match(page.data.conflictList[0].text, /^5724 0000 0000 · \d\d:\d\d · 已核销$/);
  page.onConflicts();
  assert.equal(page.data.conflicts, '');
  page.onUnload();
});

test('without a network the signed pass is kept, not only its code', async () => {
  const pass = `KQ1.abc123.${CARD.code}.fj2.${'A'.repeat(86)}`;
  const s = start({ [LOOK]: () => { throw new Error('down'); } }, { staff: true });
  const page = await open('staff/scan/scan.js');
  await page.look({ result: pass, scanType: 'QR_CODE' });
  assert.equal(page.data.result.big, '5724 0000 0000');
  assert.equal(s.app.queue.waiting()[0].body.code, pass);
  page.onUnload();
});

test('a card that waits for WeChat is asked about until its word is there', async () => {
  const s = start({
    [LOOK]: () => ({ kind: 'card', card: CARD }), [REDEEM]: () => ({ status: 202, data: { redemption: redemption({ state: 'pending', undo_until: '' }) } }),
    'GET /mini/v1/staff/redemptions/r1': () => ({ redemption: redemption({ state: 'done', undo_until: '' }) }),
  }, { staff: true });
  const page = await open('staff/scan/scan.js');
  await page.look({ result: CARD.code });
  await page.onConfirm();
  assert.equal(page.data.result.tone, 'wait');
  clearTimeout(page.clock);
  await page.poll();
  assert.equal(page.data.result.tone, 'good');
  assert.equal(s.count('GET /mini/v1/staff/redemptions/r1'), 1);
  page.onUnload();
});

test('a staff session that ended leads to the door', async () => {
  const s = start({ [LOOK]: () => refuse(401, 'staff.session.over', 'x') }, { staff: true });
  const page = await open('staff/scan/scan.js');
  await page.look({ result: CARD.code });
  assert.equal(s.wx.seen.went.pop().url, '/staff/signin/signin');
  assert.equal(s.app.staff.read(), null);
  page.onUnload();
});

test('signing out forgets the session even without a network', async () => {
  const s = start({}, { staff: true });
  const page = await open('staff/scan/scan.js');
  s.wx.setNetwork(false);
  await page.onSignOut();
  assert.equal(s.app.staff.read(), null);
  page.onUnload();
});

test('the list of the day, its totals, an undo and a summary to share', async () => {
  const days = [];
  const s = start({
    'GET /mini/v1/staff/redemptions': (r) => { days.push([r.query.day, r.query.mine, r.query.after]); return { day: r.query.day, redemptions: [redemption(), redemption({ id: 'r2', undo_until: '2020-01-01T00:00:00Z' }), redemption({ id: 'r3', undone_at: 'x' })], next: r.query.after ? '' : 'n1', totals: { redeemed: 41, undone: 1 } }; },
    'GET /mini/v1/staff/summary': () => ({ by: [{ name: '小李', redeemed: 30 }], text: '国贸店 核销 41' }),
    'POST /mini/v1/staff/redemptions/r1/undo': () => ({ redemption: redemption() }),
  }, { staff: true });
  const page = await open('staff/today/today.js');
  assert.equal(page.data.totals, '核销 41 · 撤销 1');
  assert.deepEqual(page.data.rows.map((r) => r.undoable), [true, false, false]);
  await page.onMore();
  assert.equal(page.data.rows.length, 6);
  assert.equal(days[1][2], 'n1');
  await page.onMine();
  assert.equal(days[2][1], '1');
  await page.onUndo(tap({ id: 'r1' }));
  assert.equal(s.count('POST /mini/v1/staff/redemptions/r1/undo'), 1);
  page.onCopy();
  assert.equal(s.wx.seen.clipboard, '国贸店 核销 41');
  const today = page.data.day;
  await page.onDay(tap({ step: '1' }));
  assert.equal(page.data.day, today, 'tomorrow has no list');
  await page.onDay(tap({ step: '-1' }));
  assert.ok(page.data.day < today);
});
