const test = require('node:test');
const assert = require('node:assert/strict');
const { start, refuse } = require('./fake');
const { open, tap } = require('./harness');

const PLACES = { places: [{ id: '1', parent: '', depth: 0, kind: 'warehouse', code: 'W', name: '总仓' }, { id: '3', parent: '1', depth: 1, kind: 'store', code: 'GM', name: '国贸店' }] };
const BEANS = { id: '12', barcode: '6901234567892', name: '拿铁豆', unit: '包', price: 4800, minimum: 5, stock: 4, total: 19, low: false, picture: '' };
const base = (more = {}) => ({
  'GET /mini/v1/staff/places': () => PLACES, 'GET /mini/v1/staff/goods': () => ({ goods: [BEANS], next: '' }),
  'GET /mini/v1/staff/goods/12': () => ({ goods: BEANS, levels: [{ place: '3', name: '国贸店', kind: 'store', stock: 4 }] }), ...more,
});
const MOVE = 'POST /mini/v1/staff/movements';
const LOOK = 'POST /mini/v1/staff/look';
const scans = (...results) => ({ 'scan-code': () => (results.length ? { errMsg: 'scanCode:ok', scanType: 'EAN_13', result: results.shift() } : { errMsg: 'scanCode:fail cancel' }) });

test('goods are listed for a place, searched, and filtered by what is short', async () => {
  const s = start(base(), { staff: true });
  const page = await open('stock/home/home.js');
  assert.deepEqual(page.data.names, ['总仓', '　国贸店']);
  assert.equal(page.data.index, 1, 'the own place first');
  assert.equal(page.data.rows[0].here, '本处 4包');
  await page.onLow();
  assert.deepEqual(s.last('GET /mini/v1/staff/goods').query, { place: '3', low: '1' });
  await page.onPlace(tap({}, { value: '0' }));
  assert.equal(s.last('GET /mini/v1/staff/goods').query.place, '1');
  page.onSearch(tap({}, { value: '豆' }));
  page.onUnload();
  assert.equal((await open('stock/home/home.js')).data.index, 0, 'the place is remembered');
});

test('a slow answer does not overwrite a newer one', async () => {
  const s = start(base(), { staff: true });
  const page = await open('stock/home/home.js');
  let release;
  s.routes['GET /mini/v1/staff/goods'] = (r) => (r.query.low ? new Promise((d) => { release = () => d({ goods: [], next: '' }); }) : { goods: [BEANS, BEANS], next: '' });
  const slow = page.onLow();
  const fast = page.onLow();
  await fast;
  await new Promise((d) => setTimeout(d, 5));
  release();
  await slow;
  assert.equal(page.data.rows.length, 2);
});

test('a scan opens an article, or offers to make it', async () => {
  const s = start(base({ [LOOK]: (r) => (r.data.text === BEANS.barcode ? { kind: 'goods', goods: BEANS } : { kind: 'unknown', text: r.data.text, barcode: true }) }), { staff: true, hands: scans(BEANS.barcode, '6900000000007') });
  const page = await open('stock/home/home.js');
  await page.onScan();
  await page.onScan();
  await page.onScan();
  assert.deepEqual(s.wx.seen.went.map((w) => w.url), ['/stock/goods/goods?id=12', '/stock/goods/goods?barcode=6900000000007']);
});

test('stock goes in, out and to another place', async () => {
  const sent = [];
  const s = start(base({ [MOVE]: (r) => { sent.push(r.data); return { status: 201, data: { movements: [], goods: { ...BEANS, stock: 10 } } }; } }), { staff: true });
  const page = await open('stock/goods/goods.js', { id: '12' });
  assert.equal(page.data.book, '确认入库');
  page.onQuantity(tap({}, { value: '６' }));
  await page.onBook();
  assert.equal(s.wx.seen.toasts[0], '已入库，现在 10包');
  page.onKind(tap({ kind: 'move' }));
  await page.onBook();
  assert.equal(page.data.errors.to, '请选择调到哪里');
  page.onTo(tap({}, { value: '0' }));
  page.onStep(tap({ step: '1' }));
  await page.onBook();
  assert.deepEqual(sent.map(({ at, ...m }) => m), [{ kind: 'in', place: '3', goods: '12', quantity: 6, reason: '', to: '' }, { kind: 'move', place: '3', goods: '12', quantity: 2, reason: '', to: '1' }]);
  for (const wrong of ['', '0', '-1', '1.5', '1000001', 'x']) {
    page.onQuantity(tap({}, { value: wrong }));
    await page.onBook();
    assert.notEqual(page.data.errors.quantity, undefined, wrong);
  }
  assert.equal(sent.length, 2);
});

test('too little stock is told with what is there, and a lost answer books nothing twice', async () => {
  let answer = () => refuse(409, 'stores.error.not_enough', '库存不足', { field: 'quantity', have: 4 });
  const keys = [];
  start(base({ [MOVE]: (r) => { keys.push(r.header['Idempotency-Key']); return answer(); } }), { staff: true });
  const page = await open('stock/goods/goods.js', { id: '12' });
  page.onKind(tap({ kind: 'out' }));
  await page.onBook();
  assert.equal(page.data.errors.quantity, '库存不足 这里只有 4');
  keys.length = 0;
  answer = () => { throw new Error('lost'); };
  await page.onBook();
  answer = () => ({ movements: [], goods: BEANS });
  await page.onBook();
  assert.equal(keys.length, 4);
  assert.equal(new Set(keys).size, 1, 'three tries and the second tap are one movement');
  await page.onBook();
  assert.equal(new Set(keys).size, 2, 'the next one is another');
});

test('an article is made and changed, money in fen', async () => {
  const s = start(base({ 'POST /mini/v1/staff/goods': (r) => { return r.data.barcode === 'x' ? refuse(422, 'stores.error.barcode', '条码不对', { field: 'barcode', errors: [{ field: 'barcode', message: '条码不对' }] }) : { status: 201, data: { goods: { ...BEANS, ...r.data } } }; }, 'PUT /mini/v1/staff/goods/12': (r) => ({ goods: { ...BEANS, ...r.data } }) }), { staff: true });
  const page = await open('stock/goods/goods.js', { barcode: 'x' });
  const type = (name, value) => page.onDraft(tap({ name }, { value }));
  type('price', '48.005');
  type('minimum', '五');
  await page.onSave();
  assert.deepEqual(page.data.errors, { name: '请填写名称', price: '单价应为金额，例：12.50', minimum: '请填写整数' });
  type('name', '拿铁豆');
  type('price', '48');
  type('minimum', '5');
  await page.onSave();
  assert.equal(page.data.errors.barcode, '条码不对');
  type('barcode', BEANS.barcode);
  await page.onSave();
  assert.deepEqual(s.last('POST /mini/v1/staff/goods').data, { barcode: BEANS.barcode, name: '拿铁豆', unit: '', price: 4800, minimum: 5 });
  assert.equal(page.data.editing, false);
  page.onEdit();
  assert.equal(page.data.draft.price, '48.00');
  type('price', '50');
  await page.onSave();
  assert.equal(s.last('PUT /mini/v1/staff/goods/12').data.price, 5000);
});

test('a count is taken by scanning and closed with its differences', async () => {
  const count = (lines) => ({ count: { id: '7', place: '3', place_name: '国贸店', state: 'open', by: '小李', opened_at: '', different: lines.filter((l) => l.difference).length, lines } });
  const line = (seen) => ({ goods: '12', name: '拿铁豆', barcode: '', unit: '包', expected: 19, seen, difference: seen - 19 });
  const s = start(base({
    'POST /mini/v1/staff/counts': () => count([]), [LOOK]: () => ({ kind: 'goods', goods: BEANS }), 'PUT /mini/v1/staff/counts/7/lines': (r) => count([line(r.data.seen)]),
    'DELETE /mini/v1/staff/counts/7/lines/12': () => count([]), 'POST /mini/v1/staff/counts/7/close': () => ({ ...count([]), movements: [] }), 'POST /mini/v1/staff/counts/7/cancel': () => count([]),
  }), { staff: true, hands: scans(BEANS.barcode, BEANS.barcode) });
  const page = await open('stock/count/count.js', { place: '3' });
  assert.equal(page.data.title, '盘点：国贸店');
  s.wx.wanted.modal = () => ({ confirm: true, content: '很多' });
  await page.onScan();
  assert.equal(s.wx.seen.toasts[0], '请填写整数');
  s.wx.wanted.modal = () => ({ confirm: true, content: '17' });
  await page.onScan();
  assert.equal(page.data.rows[0].diffText, '差 -2');
  await page.onClose();
  assert.equal(s.wx.seen.modals.pop().content, '有 1 项与账面不同，完成后按实际数量调整。');
  assert.equal(s.wx.seen.went.pop().how, 'navigateBack');
  await page.onDrop(tap({ id: '12' }));
  assert.equal(page.data.rows.length, 0);
  await page.onCancel();
  assert.equal(s.count('POST /mini/v1/staff/counts/7/cancel'), 1);
});

test('the log shows what changed, and a movement can be undone in time', async () => {
  const soon = new Date(Date.now() + 60000).toISOString();
  const row = (more) => ({ id: '991', kind: 'in', place: '3', place_name: '国贸店', peer_name: '', goods: '12', goods_name: '拿铁豆', barcode: '', unit: '包', quantity: 6, before: 4, after: 10, reason: '', by: '小李', at: '2026-11-21T02:00:00Z', undone: false, undo_until: soon, ...more });
  const s = start(base({ 'GET /mini/v1/staff/movements': () => ({ movements: [row(), row({ id: '990', kind: 'transfer_out', quantity: -2, peer_name: '总仓', undo_until: '' })], next: '' }), 'POST /mini/v1/staff/movements/991/undo': () => ({ status: 201, data: { movements: [], goods: BEANS } }) }), { staff: true });
  const page = await open('stock/log/log.js', { place: '3' });
  assert.deepEqual(page.data.rows.map((r) => [r.what, r.signed, r.change, r.undoable]), [['入库', '+6', '4 → 10', true], ['调出', '-2', '4 → 10', false]]);
  assert.equal(page.data.rows[1].where, '国贸店 · 总仓');
  await page.onKind(tap({}, { value: '2' }));
  assert.equal(s.last('GET /mini/v1/staff/movements').query.kind, 'out');
  await page.onUndo(tap({ id: '991' }));
  assert.equal(s.wx.seen.modals.pop().content, '撤销「入库 拿铁豆 +6」？会写一条相反的流水。');
  assert.equal(s.count('POST /mini/v1/staff/movements/991/undo'), 1);
});
