const test = require('node:test');
const assert = require('node:assert/strict');
const { createApi, newKey, query } = require('../lib/api');
const { createQueue, MAX } = require('../lib/queue');
const { createStaff } = require('../lib/staff');
const { createWx } = require('./wx');

const FAR = '2100-01-01T00:00:00Z';

// server answers as told and counts sign-ins; tokens are T1, T2, …
function server(routes = {}) {
  const s = { signIns: 0, codes: [], good: '', pauses: [] };
  let code = 0;
  s.wx = createWx({
    hands: { login: () => ({ errMsg: 'login:ok', code: 'c' + ++code }) },
    answer: async (r) => {
      if (r.path === '/mini/v1/session' && routes.session) {
        s.codes.push(r.data.code);
        const out = routes.session(r, ++s.signIns);
        if (out) return out;
      } else if (r.path === '/mini/v1/session') {
        s.codes.push(r.data.code);
        s.signIns++;
      }
      if (r.path === '/mini/v1/session') {
        s.good = 'T' + s.signIns;
        return { status: 201, data: { token: s.good, expires_at: FAR } };
      }
      if (r.header['X-Kaquan-Session'] !== s.good) return { status: 401, data: { code: 'mini.session.unknown', message: 'x' } };
      return routes.call ? routes.call(r) : { data: { ok: true } };
    },
  });
  s.make = (o = {}) => createApi({ wx: s.wx, server: '', sleep: async (ms) => { s.pauses.push(ms); }, ...o });
  return s;
}

test('ten calls at once share one sign-in', async () => {
  const s = server();
  const api = s.make();
  await Promise.all(Array.from({ length: 10 }, () => api.get('/mini/v1/me')));
  assert.equal(s.signIns, 1);
});

test('a session that ended is replaced once, for all calls that met it', async () => {
  const s = server();
  const api = s.make();
  await api.get('/mini/v1/me');
  s.good = 'revoked';
  await Promise.all([api.get('/mini/v1/me'), api.get('/mini/v1/claims'), api.post('/mini/v1/me/phone', { code: 'x' })]);
  assert.equal(s.signIns, 2);
});

test('a server that never accepts the new session is asked twice, not for ever', async () => {
  const s = server({ call: () => ({ status: 401, data: { code: 'mini.session.unknown', message: 'x' } }) });
  await assert.rejects(s.make().get('/mini/v1/me'), { status: 401 });
  assert.equal(s.signIns, 2);
});

test('a code of wx.login is never sent twice', async () => {
  let lost = true;
  const s = server({ session: () => { if (lost) { lost = false; throw new Error('the answer was lost'); } return null; } });
  await s.make().get('/mini/v1/me');
  assert.deepEqual(s.codes, ['c1', 'c2']);
});

test('a blocked person is not signed in again and again', async () => {
  const s = server({ session: () => ({ status: 403, data: { code: 'mini.code.blocked', message: '不能登录' } }) });
  await assert.rejects(s.make().get('/mini/v1/me'), { code: 'mini.code.blocked', message: '不能登录' });
  assert.equal(s.signIns, 1);
});

test('a lost answer is asked for again when that is safe, with the same key', async () => {
  const keys = [];
  let n = 0;
  const s = server({ call: (r) => { keys.push(r.header['Idempotency-Key']); if (++n % 3) throw new Error('down'); return { status: 201, data: { n } }; } });
  const api = s.make();
  assert.equal((await api.get('/x')).n, 3);
  assert.equal((await api.post('/y', {}, { key: 'same-key-1' })).n, 6);
  assert.deepEqual(keys.slice(3), ['same-key-1', 'same-key-1', 'same-key-1']);
  assert.deepEqual(s.pauses, [400, 800, 400, 800]);
});

test('what has no key is sent once', async () => {
  let n = 0;
  const s = server({ call: () => { n++; throw new Error('down'); } });
  await assert.rejects(s.make().post('/mini/v1/me/phone', { code: 'x' }), { network: true });
  assert.equal(n, 1);
});

test('a short Retry-After is waited for, a long one is told', async () => {
  let wait = '2';
  let n = 0;
  const s = server({ call: () => (n++ ? { data: { ok: 1 } } : { status: 429, header: { 'Retry-After': wait }, data: { code: 'error.rate_limited', message: '慢一点' } }) });
  const api = s.make();
  await api.get('/x');
  assert.deepEqual(s.pauses, [2000]);
  n = 0;
  wait = '60';
  await assert.rejects(api.get('/x'), { status: 429, message: '慢一点' });
});

test('no more than some requests are under way at once', async () => {
  let now = 0;
  let most = 0;
  const s = server({ call: async () => { most = Math.max(most, ++now); await new Promise((d) => setTimeout(d, 2)); now--; return { data: {} }; } });
  await Promise.all(Array.from({ length: 20 }, () => s.make({ atOnce: 3 })).slice(0, 1).flatMap((api) => Array.from({ length: 20 }, () => api.get('/x'))));
  assert.equal(most, 3);
});

test('a session near its end is renewed, and calls wait for the new token', async () => {
  const wx = createWx({
    hands: { login: () => ({ errMsg: 'login:ok', code: 'c' }) },
    answer: async (r) => {
      if (r.path === '/mini/v1/session/renew') {
        assert.equal(r.header['X-Kaquan-Session'], 'old');
        await new Promise((d) => setTimeout(d, 2));
        return { data: { token: 'new', expires_at: FAR } };
      }
      return { data: { token: r.header['X-Kaquan-Session'] } };
    },
  });
  const api = createApi({ wx, server: '' });
  api.session.write({ token: 'old', expires_at: new Date(Date.now() + 86400000).toISOString() });
  assert.equal((await api.get('/x')).token, 'old', 'the first call does not wait');
  assert.equal((await api.get('/x')).token, 'new');
});

test('answers that are not ours are errors all the same', async () => {
  const s = server({ call: () => ({ status: 502, data: '<html>bad gateway</html>' }) });
  await assert.rejects(s.make().post('/x'), { status: 502, code: 'error.http' });
});

test('an upload signs in again when the session ended', async () => {
  const s = server({ call: (r) => ({ data: { file: r.file } }) });
  const api = s.make();
  await api.get('/x');
  s.good = 'gone';
  assert.deepEqual(await api.upload('/mini/v1/me/avatar', '/tmp/a.jpg', 'avatar'), { file: '/tmp/a.jpg' });
  assert.equal(s.signIns, 2);
});

test('a staff session that ended is forgotten, and the visitor stays signed in', async () => {
  const s = server({ call: (r) => { assert.equal(r.header['X-Kaquan-Staff'], 'S1'); return { status: 401, data: { code: 'staff.session.over', message: 'x' } }; } });
  const staff = createStaff({ wx: s.wx });
  staff.write({ token: 'S1', expires_at: FAR, staff: { id: '1' }, place: {}, may: {} });
  await assert.rejects(s.make({ staff }).get('/mini/v1/staff/places', {}, { staff: true }), { code: 'staff.session.over' });
  assert.equal(staff.read(), null);
  assert.equal(s.signIns, 1);
});

test('a staff session ends by the clock', () => {
  const wx = createWx({ answer: async () => ({}) });
  let now = 1000;
  const staff = createStaff({ wx, now: () => now });
  staff.write({ token: 'S', expires_at: new Date(5000).toISOString(), may: { redeem: true } });
  assert.equal(staff.may('redeem'), true);
  now = 5000;
  assert.equal(staff.may('redeem'), false);
  assert.equal(staff.token(), '');
});

test('keys differ and fit the rule', () => {
  const keys = new Set(Array.from({ length: 2000 }, newKey));
  assert.equal(keys.size, 2000);
  for (const k of keys) assert.match(k, /^[A-Za-z0-9_-]{8,64}$/);
});

test('a query leaves out what is empty and escapes the rest', () => {
  assert.equal(query({ a: '', b: undefined, c: '拿 铁&', d: 0 }), '?c=%E6%8B%BF%20%E9%93%81%26&d=0');
  assert.equal(query({}), '');
});

const job = (key, staff = 'li') => ({ staff, key, path: '/p', body: {}, label: key });
const down = Object.assign(new Error('down'), { network: true });

test('offline work is sent in order and what is refused becomes a conflict', async () => {
  const q = createQueue({ wx: createWx({ answer: async () => ({}) }) });
  ['a', 'b', 'c', 'd'].forEach((k) => q.add(job(k)));
  q.add(job('a'));
  q.add(job('other', 'wang'));
  const sent = [];
  let up = false;
  const send = async (j) => {
    sent.push(j.key);
    if (j.key === 'b') throw Object.assign(new Error('已核销'), { status: 409, code: 'redemption.used' });
    if (j.key === 'c' && !up) throw down;
  };
  assert.deepEqual(await q.flush('li', send), { done: 1, refused: 1, waiting: 2 });
  up = true;
  assert.deepEqual(await q.flush('li', send), { done: 2, refused: 0, waiting: 0 });
  assert.deepEqual(sent, ['a', 'b', 'c', 'c', 'd']);
  assert.deepEqual(q.conflicts('li').map((c) => [c.key, c.code, c.message]), [['b', 'redemption.used', '已核销']]);
  assert.equal(q.waiting('wang').length, 1, 'nobody redeems under another name');
  q.dismiss('b');
  assert.equal(q.conflicts('li').length, 0);
});

test('two flushes at once send each job once', async () => {
  const q = createQueue({ wx: createWx({ answer: async () => ({}) }) });
  q.add(job('a'));
  let n = 0;
  const send = async () => { n++; q.add(job('b')); };
  await Promise.all([q.flush('li', send), q.flush('li', send)]);
  assert.equal(n, 1);
  assert.equal(q.waiting('li').length, 1, 'what was added meanwhile is not lost');
});

test('a phone keeps a bounded number of jobs', () => {
  const q = createQueue({ wx: createWx({ answer: async () => ({}) }) });
  for (let i = 0; i < MAX; i++) assert.equal(q.add(job('k' + i)), true);
  assert.equal(q.add(job('one more')), false);
});
