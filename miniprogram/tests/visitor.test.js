const test = require('node:test');
const assert = require('node:assert/strict');
const { start, refuse, FAR } = require('./fake');
const { open, tap, until } = require('./harness');

const PAGE = {
  slug: 'latte', state: 'form', title: '填写信息后领取', body: '', now: '2026-11-21T02:00:00Z', key: 'page-key-0001', price: 0,
  card: { benefit: '拿铁半价', brand: '示例咖啡', intro: '', terms: '规则', contact: '', colour: '#07c160', issuer: 'own_code', validity: '12月31日前有效' },
  starts_at: '', ends_at: '', form: [{ key: 'phone', kind: 'mobile', label: '手机号', help: '', required: true, options: [], value: '' }, { key: 'size', kind: 'choice', label: '杯型', help: '', required: false, options: ['大杯', '小杯'], value: '' }],
  consent: { needed: true, version: '1', purpose: '发券', retention_days: 90 }, standing: { more: false }, mine: [], share: { title: '送你一杯', desc: '', image: '' },
};
const CLAIM = { id: 'c1', state: 'confirmed', issuer: 'own_code', code: '572400000000', code_groups: '5724 0000 0000', qr: '572400000000', hold_until: '', created_at: '2026-11-21T02:00:00Z', redeemed_at: '', card_id: '' };
const GET = 'GET /mini/v1/campaigns/latte';
const CLAIMS = 'POST /mini/v1/campaigns/latte/claims';
const done = (page) => page.onUnload && page.onUnload();

test('a campaign is claimed with a form: mistakes first, then once, under the page\'s key', async () => {
  const s = start({ [GET]: () => PAGE, [CLAIMS]: () => ({ status: 201, data: { claim: CLAIM, page: { ...PAGE, state: 'claimed_local', title: '领取成功', mine: [CLAIM] } } }) });
  const page = await open('pages/campaign/campaign.js', { scene: 'latte%7Emenu' });
  assert.equal(s.last(GET).query.ch, 'menu');
  assert.equal(page.data.primary, '下一步');
  await page.onPrimary();
  assert.equal(s.count(CLAIMS), 0);
  assert.equal(page.data.fields[0].error, '请填写手机号');
  assert.equal(page.data.consentError, '请先阅读并同意');
  page.onInput(tap({ key: 'phone' }, { value: '138 0013 8000' }));
  page.onChoice(tap({ key: 'size' }, { value: '1' }));
  page.onConsent({ detail: { value: ['yes'] } });
  assert.equal(page.data.fields[0].error, '');
  await Promise.all([page.onPrimary(), page.onPrimary()]);
  assert.equal(s.count(CLAIMS), 1, 'a double tap is one claim');
  const sent = s.last(CLAIMS);
  assert.deepEqual(sent.data, { key: 'page-key-0001', answers: { phone: '13800138000', size: '小杯' }, consent: true, ch: 'menu' });
  assert.equal(sent.header['Idempotency-Key'], 'page-key-0001');
  assert.equal(page.data.view.tone, 'good');
  page.onPrimary();
  assert.deepEqual(s.wx.seen.went, [{ how: 'switchTab', url: '/pages/cards/cards' }]);
  assert.equal(page.onShareAppMessage().path, '/pages/campaign/campaign?slug=latte&ch=menu');
  done(page);
});

test('a lost answer keeps the key, so that the next tap gets the same claim', async () => {
  let lost = true;
  const s = start({ [GET]: () => ({ ...PAGE, state: 'ready', form: [] }), [CLAIMS]: () => { if (lost) throw new Error('lost'); return { claim: CLAIM, page: { ...PAGE, state: 'claimed_local', mine: [CLAIM] } }; } });
  const page = await open('pages/campaign/campaign.js', { slug: 'latte' });
  const key = () => s.last(CLAIMS).data.key;
  await page.onPrimary();
  const first = key();
  assert.deepEqual(s.wx.seen.toasts, ['网络不太好，请再试一次。']);
  lost = false;
  await page.onPrimary();
  assert.equal(key(), first);
  assert.equal(page.data.view.state, 'claimed_local');
  done(page);
});

test('a short scene is looked up once and then leads to its campaign', async () => {
  const s = start({ 'GET /mini/v1/scenes/7Hk2QaPx': () => ({ slug: 'latte', ch: 'menu' }), [GET]: () => PAGE });
  const page = await open('pages/campaign/campaign.js', { scene: 'c.7Hk2QaPx' });
  await page.load();
  assert.equal(s.count('GET /mini/v1/scenes/7Hk2QaPx'), 1);
  assert.equal(s.last(GET).query.ch, 'menu');
  assert.equal(page.onShareAppMessage().path, '/pages/campaign/campaign?slug=latte&ch=menu');
  done(page);
});

test('mistakes that only the server knows stand beside their fields', async () => {
  const s = start({ [GET]: () => PAGE, [CLAIMS]: () => refuse(422, 'error.invalid', '有错', { errors: [{ field: 'f_phone', code: 'form.mobile.invalid', message: '这个号码不行' }] }) });
  const page = await open('pages/campaign/campaign.js', { slug: 'latte' });
  page.onInput(tap({ key: 'phone' }, { value: '13800138000' }));
  page.onConsent({ detail: { value: ['yes'] } });
  await page.onPrimary();
  assert.equal(page.data.fields[0].error, '这个号码不行');
  assert.deepEqual(s.wx.seen.toasts, []);
  done(page);
});

test('a campaign that sold out meanwhile shows that', async () => {
  let state = 'ready';
  const s = start({ [GET]: () => ({ ...PAGE, form: [], state, title: state }), [CLAIMS]: () => { state = 'sold_out'; return refuse(409, 'claim.sold_out', '已经领完了。'); } });
  const page = await open('pages/campaign/campaign.js', { slug: 'latte' });
  await page.onPrimary();
  assert.equal(page.data.page.state, 'sold_out');
  assert.deepEqual(s.wx.seen.toasts, ['已经领完了。']);
  done(page);
});

const HELD = { ...CLAIM, state: 'held', issuer: 'wechat_card', code: '', code_groups: '', qr: '', card_id: 'p1', hold_until: FAR };
const SIGNED = { card_id: 'p1', card_ext: '{}', card_list: [{ cardId: 'p1', cardExt: '{"timestamp":"1"}' }] };

test('a WeChat card goes into the wallet, and a cancelled sheet is held', async () => {
  let state = 'ready';
  let outcome = 'addCard:fail cancel';
  const reports = [];
  const s = start({
    [GET]: () => ({ ...PAGE, form: [], state, mine: state === 'ready' ? [] : [HELD] }),
    [CLAIMS]: () => { state = 'cancelled'; return { claim: HELD, page: { ...PAGE, form: [], state: 'claiming', mine: [HELD] } }; },
    'POST /mini/v1/claims/c1/card': () => SIGNED,
    'POST /mini/v1/claims/c1/report': (r) => { reports.push(r.data); return { claim: HELD }; },
  }, { hands: { 'add-card': (o) => { assert.deepEqual(o.cardList, SIGNED.card_list); return { errMsg: outcome, cardList: [] }; } } });
  const page = await open('pages/campaign/campaign.js', { slug: 'latte' });
  await page.onPrimary();
  assert.equal(page.data.view.state, 'cancelled');
  assert.match(page.data.countdown, /^还为你保留 \d+d /);
  assert.equal(page.data.primary, '放进微信卡包');
  outcome = 'addCard:fail signature error';
  await page.onPrimary();
  state = 'confirming';
  outcome = 'addCard:ok';
  await page.onPrimary();
  assert.deepEqual(reports, [{ outcome: 'cancelled', detail: '' }, { outcome: 'refused', detail: 'signature error' }, { outcome: 'added', detail: '' }]);
  assert.equal(s.count('POST /mini/v1/claims/c1/card'), 3, 'every tap has its own signature');
  assert.equal(page.data.view.state, 'confirming');
  state = 'claimed';
  page.onHide();
  assert.equal(page.shown, false);
  done(page);
});

test('a priced campaign is paid; a cancelled payment keeps the hold; money that is late can be asked for', async () => {
  let order = { state: 'awaiting', amount: 990, expires_at: FAR, paid_at: '' };
  let outcome = 'requestPayment:fail cancel';
  const claim = () => ({ ...CLAIM, state: order.state === 'paid' ? 'confirmed' : 'held', hold_until: FAR, order });
  const now = () => ({ ...PAGE, form: [], price: 990, state: order.state === 'paid' ? 'claimed_local' : 'pay_failed', mine: [claim()] });
  const payment = { timeStamp: '1', nonceStr: 'n', package: 'prepay_id=x', signType: 'RSA', paySign: 's' };
  let claimed = false;
  const s = start({
    [GET]: () => (claimed ? now() : { ...PAGE, form: [], price: 990, state: 'ready' }),
    [CLAIMS]: () => { claimed = true; return { claim: claim(), page: now() }; },
    'POST /mini/v1/claims/c1/pay': () => ({ order, payment }),
    'POST /mini/v1/claims/c1/pay/refresh': () => ({ order, claim: claim(), page: now() }),
  }, { hands: { pay: (o) => { assert.equal(o.package, 'prepay_id=x'); return { errMsg: outcome }; } } });
  const page = await open('pages/campaign/campaign.js', { slug: 'latte' });
  assert.equal(page.data.primary, '支付 ¥9.90 领取');
  await page.onPrimary();
  assert.deepEqual(s.wx.seen.toasts, ['还没有支付，名额为你保留着。']);
  assert.equal(s.count('POST /mini/v1/claims/c1/pay/refresh'), 1, 'what the dialog says is not believed');
  assert.equal(page.data.primary, '继续支付 ¥9.90');
  assert.equal(page.data.second, '我已支付，刷新');
  assert.notEqual(page.data.countdown, '');
  await page.onSecond();
  assert.equal(s.wx.seen.toasts.pop(), '还没有收到付款，请稍等再刷新。');
  s.routes['POST /mini/v1/claims/c1/pay'] = () => {
    const open = order;
    order = { ...order, state: 'paid' }; // the money comes although the dialog says that it was closed
    return { order: open, payment };
  };
  await page.onPrimary();
  assert.equal(page.data.view.state, 'claimed_local');
  assert.deepEqual(s.wx.seen.toasts, ['还没有支付，名额为你保留着。']);
  assert.equal(s.count(CLAIMS), 1);
  done(page);
});

test('a campaign that is not there, and a network that is not there', async () => {
  const s = start({ 'GET /mini/v1/campaigns/none': () => refuse(404, 'campaign.error.not_found', 'x') });
  let page = await open('pages/campaign/campaign.js', { slug: 'none' });
  assert.equal(page.data.problem.title, '没有找到这个活动');
  page = await open('pages/campaign/campaign.js', {});
  assert.equal(page.data.problem.title, '没有找到这个活动');
  s.routes[GET] = () => refuse(500, 'error.internal', '出了点问题', { support: 'K7' });
  page = await open('pages/campaign/campaign.js', { slug: 'latte' });
  assert.equal(page.data.problem.title, '出了点问题 编号 K7');
  s.routes[GET] = () => PAGE;
  await page.onRetry();
  assert.equal(page.data.problem, null);
  done(page);
});

test('my cards show their code large and bright, without a network too', async () => {
  const s = start({ 'GET /mini/v1/claims': () => ({ claims: [{ claim: CLAIM, campaign: { slug: 'latte', name: '拿铁半价', benefit: '拿铁半价', brand: '示例咖啡', colour: 'javascript:', validity: '' } }] }) });
  let page = await open('pages/cards/cards.js');
  assert.equal(page.data.rows[0].groups, '5724 0000 0000');
  assert.equal(page.data.rows[0].colour, '#087749', 'only a colour is drawn');
  s.wx.setNetwork(false);
  page = await open('pages/cards/cards.js');
  assert.equal(page.data.rows.length, 1);
  assert.equal(page.data.problem, '网络不太好，请再试一次。');
  page.onOpen(tap({ id: 'c1' }));
  await until(() => s.wx.painted && s.wx.painted.length > 100);
  assert.deepEqual(s.wx.seen.brightness, [1]);
  page.onCopy();
  assert.equal(s.wx.seen.clipboard, '572400000000');
  page.onClose();
  assert.deepEqual(s.wx.seen.brightness, [1, 0.4]);
});

test('a scanned code of a campaign opens it, another one does not', async () => {
  const codes = [{ errMsg: 'scanCode:ok', scanType: 'WX_CODE', path: 'pages/campaign/campaign?scene=latte~menu' }, { errMsg: 'scanCode:ok', result: 'https://kaquan.example.com/q/7Hk2QaPx', scanType: 'QR_CODE' }, { errMsg: 'scanCode:ok', result: 'hello', scanType: 'QR_CODE' }, { errMsg: 'scanCode:fail cancel' }];
  const s = start({ 'GET /mini/v1/claims': () => ({ claims: [] }) }, { hands: { 'scan-code': () => codes.shift() } });
  const page = await open('pages/cards/cards.js');
  for (let i = 0; i < 4; i++) await page.onScan();
  assert.deepEqual(s.wx.seen.went.map((w) => w.url), ['/pages/campaign/campaign?slug=latte&ch=menu', '/pages/campaign/campaign?scene=c.7Hk2QaPx']);
  assert.deepEqual(s.wx.seen.toasts, ['这不是活动的码']);
});

test('a profile is filled, shared, exported and erased', async () => {
  let me = { id: '3K7Q', nickname: '', avatar: '', phone: '', joined: false, account: 'main', account_name: '示例咖啡' };
  const s = start({
    'GET /mini/v1/me': () => me, 'PUT /mini/v1/me': (r) => (me = { ...me, ...r.data }), 'POST /mini/v1/me/avatar': () => (me = { ...me, avatar: 'https://x/a.jpg' }),
    'POST /mini/v1/me/phone': (r) => (r.data.code === 'used' ? refuse(422, 'mini.phone.code', '请再点一次', { field: 'code' }) : (me = { ...me, phone: '13800138000' })),
    'GET /mini/v1/me/export': () => ({ me }), 'DELETE /mini/v1/me': (r) => { assert.equal(r.query.confirm, 'DELETE'); return { status: 204, data: '' }; },
  });
  const page = await open('pages/profile/profile.js');
  await page.onNickname({ detail: { value: { nickname: ' 小李☕ ' } } });
  assert.equal(page.data.me.nickname, '小李☕');
  await page.onAvatar({ detail: { avatarUrl: 'wxfile://tmp/a.jpg' } });
  assert.equal(page.data.me.avatar, 'https://x/a.jpg');
  await page.onPhone({ detail: { errMsg: 'getPhoneNumber:fail user deny' } });
  await page.onPhone({ detail: { errno: 1400001 } });
  await page.onPhone({ detail: { code: 'used' } });
  await page.onPhone({ detail: { code: 'good' } });
  assert.equal(page.data.me.phone, '13800138000');
  assert.deepEqual(s.wx.seen.toasts, ['已保存', '已保存', '没有取得手机号，可以在领券时手动填写。', '暂时不能授权手机号，可以在领券时手动填写。', '请再点一次', '已保存']);
  await page.onExport();
  assert.equal(JSON.parse(s.wx.seen.clipboard).me.id, '3K7Q');
  s.wx.wanted.modal = () => ({ confirm: true, content: '不要' });
  await page.onErase();
  assert.equal(s.count('DELETE /mini/v1/me'), 0);
  s.wx.wanted.modal = () => ({ confirm: true, content: '删除' });
  await page.onErase();
  assert.equal(s.count('DELETE /mini/v1/me'), 1);
  assert.equal(s.app.api.session.read(), null);
  assert.equal(page.data.me, null);
});

test('the language follows WeChat and can be changed', async () => {
  const s = start({ 'GET /mini/v1/me': () => ({ id: '1', nickname: '', account_name: 'Coffee' }) }, { language: 'en' });
  const page = await open('pages/profile/profile.js');
  assert.equal(page.data.account, 'From Coffee');
  assert.equal(s.last('GET /mini/v1/me').header['Accept-Language'], 'en');
  await page.onLanguage();
  assert.equal(page.data.account, '来自 Coffee');
  assert.equal(s.last('GET /mini/v1/me').header['Accept-Language'], 'zh-CN');
});
