// The one way to the server: a queue of requests, the session with its renewal, one sign-in
// at a time, keys that make repeats safe, and repeats when the network fails.
const { ApiError, fromAnswer } = require('./errors');

const SESSION = 'kaquan.session';
const AT_ONCE = 6; // WeChat allows ten, uploads and downloads included
const TRIES = 3;
const RENEW_BEFORE = 10 * 24 * 3600 * 1000;
const MAX_PAUSE = 5000; // a longer Retry-After is for the person to decide

// newKey makes an idempotency key. It only has to differ from others of the same person.
function newKey() {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  let key = Date.now().toString(36) + '-';
  while (key.length < 32) key += letters[Math.floor(Math.random() * letters.length)];
  return key;
}

// query makes '?a=1&b=2' of what is not empty.
function query(fields) {
  const parts = Object.keys(fields || {})
    .filter((k) => fields[k] !== undefined && fields[k] !== null && fields[k] !== '')
    .map((k) => encodeURIComponent(k) + '=' + encodeURIComponent(fields[k]));
  return parts.length ? '?' + parts.join('&') : '';
}

// createApi: wx is the platform, server the address, staff a holder with token() and clear(),
// language() names the language of sentences. sleep and now are for tests.
function createApi({ wx, server, language = () => 'zh', staff = null, sleep, now = Date.now, atOnce = AT_ONCE }) {
  const pause = sleep || ((ms) => new Promise((done) => setTimeout(done, ms)));
  const waiting = [];
  let running = 0;
  let signing = null; // the sign-in under way, shared by all who need it
  let renewing = null;

  const session = {
    read: () => wx.getStorageSync(SESSION) || null,
    write: (s) => wx.setStorageSync(SESSION, s),
    clear: () => wx.removeStorageSync(SESSION),
  };

  // queued runs a job when fewer than atOnce are under way.
  function queued(job) {
    return new Promise((done, fail) => {
      waiting.push(() => job().then(done, fail).finally(() => { running--; next(); }));
      next();
    });
  }
  function next() {
    while (running < atOnce && waiting.length) {
      running++;
      waiting.shift()();
    }
  }

  // send is one request; success in WeChat means any answer at all.
  function send({ method, path, body, headers }) {
    return queued(() => new Promise((done, fail) => {
      wx.request({
        url: server + path, method, data: body === undefined ? undefined : body, timeout: 15000, dataType: 'json',
        header: { 'content-type': 'application/json', 'Accept-Language': language() === 'en' ? 'en' : 'zh-CN', ...headers },
        success: done,
        fail: (e) => fail(new ApiError({ code: 'network', message: e && e.errMsg, network: true })),
      });
    }));
  }

  function login() {
    return new Promise((done, fail) => wx.login({
      timeout: 10000,
      success: (r) => (r.code ? done(r.code) : fail(new ApiError({ code: 'login', message: r.errMsg }))),
      fail: (e) => fail(new ApiError({ code: 'network', message: e && e.errMsg, network: true })),
    }));
  }

  function appId() {
    try {
      return wx.getAccountInfoSync().miniProgram.appId;
    } catch (e) {
      return '';
    }
  }

  // signIn swaps a fresh code for a session. A code is never sent twice: whether a lost answer
  // had used it cannot be known, so a second try takes a new one.
  function signIn() {
    if (!signing) {
      signing = (async () => {
        for (let n = 1; ; n++) {
          try {
            const code = await login();
            const res = await send({ method: 'POST', path: '/mini/v1/session', body: { code, app_id: appId() } });
            if (res.statusCode >= 300) throw fromAnswer(res);
            session.write({ token: res.data.token, expires_at: res.data.expires_at });
            return res.data;
          } catch (e) {
            const again = e.network || e.code === 'mini.code.invalid' || e.code === 'mini.code.used';
            if (!again || n >= 2) throw e;
            await pause(300);
          }
        }
      })().finally(() => { signing = null; });
    }
    return signing;
  }

  async function token() {
    const s = session.read();
    if (s && s.token) {
      if (s.expires_at && Date.parse(s.expires_at) - now() < RENEW_BEFORE) renew();
      return s.token;
    }
    return (await signIn()).token;
  }

  // renew swaps the token before it ends. Nobody waits for it: a failure means a sign-in later.
  function renew() {
    const s = session.read();
    if (renewing || !s) return renewing || Promise.resolve();
    renewing = send({ method: 'POST', path: '/mini/v1/session/renew', headers: { 'X-Kaquan-Session': s.token } })
      .then((res) => { if (res.statusCode < 300) session.write({ token: res.data.token, expires_at: res.data.expires_at }); })
      .catch(() => {})
      .finally(() => { renewing = null; });
    return renewing;
  }

  async function headers(o) {
    const h = {};
    if (o.session !== false) {
      if (renewing) await renewing; // the old token ends with the answer
      h['X-Kaquan-Session'] = await token();
    }
    if (o.staff && staff) h['X-Kaquan-Staff'] = staff.token();
    if (o.key) h['Idempotency-Key'] = o.key;
    return h;
  }

  // call sends one request and gives its body. A GET, and what carries a key, is repeated when no
  // answer comes; nothing else is. A session that ended is replaced once.
  async function call(method, path, o = {}) {
    const safe = method === 'GET' || method === 'PUT' || Boolean(o.key);
    let signedIn = false;
    for (let n = 1; ; n++) {
      let h;
      try {
        h = await headers(o);
        const res = await send({ method, path: path + query(o.query), body: o.body, headers: h });
        if (res.statusCode >= 200 && res.statusCode < 300) return res.data;
        const e = fromAnswer(res);
        e.retryAfter = Number(header(res, 'retry-after')) * 1000 || 0;
        throw e;
      } catch (e) {
        if (e.status === 401 && e.code.startsWith('staff.session.')) {
          if (staff) staff.clear();
          throw e;
        }
        if (e.status === 401 && o.session !== false && !signedIn) {
          signedIn = true;
          const s = session.read();
          // Another call may have signed in while this one was under way.
          if (!s || s.token === h['X-Kaquan-Session']) {
            session.clear();
            await signIn();
          }
          n--;
          continue;
        }
        const busy = e.status === 429 && e.retryAfter > 0 && e.retryAfter <= MAX_PAUSE;
        const down = e.network || e.status === 502 || e.status === 504;
        if (!h || !safe || n >= TRIES || !(busy || down)) throw e;
        await pause(busy ? e.retryAfter : 400 * 2 ** (n - 1));
      }
    }
  }

  function header(res, name) {
    const all = res.header || {};
    const key = Object.keys(all).find((k) => k.toLowerCase() === name);
    return key ? all[key] : '';
  }

  // upload sends one file; wx.uploadFile gives its answer as text.
  async function upload(path, filePath, name) {
    for (let signedIn = false; ; signedIn = true) {
      const h = await headers({});
      const res = await queued(() => new Promise((done, fail) => wx.uploadFile({
        url: server + path, filePath, name, timeout: 30000, header: { 'Accept-Language': language() === 'en' ? 'en' : 'zh-CN', ...h },
        success: done,
        fail: (e) => fail(new ApiError({ code: 'network', message: e && e.errMsg, network: true })),
      })));
      let data = {};
      try {
        data = JSON.parse(res.data);
      } catch (e) {
        // fromAnswer names it
      }
      if (res.statusCode < 300) return data;
      if (res.statusCode !== 401 || signedIn) throw fromAnswer({ statusCode: res.statusCode, data });
      session.clear();
      await signIn();
    }
  }

  return {
    call, upload, signIn, renew, session,
    get: (path, q, o) => call('GET', path, { ...o, query: q }),
    post: (path, body, o) => call('POST', path, { ...o, body: body || {} }),
    put: (path, body, o) => call('PUT', path, { ...o, body }),
    del: (path, q, o) => call('DELETE', path, { ...o, query: q }),
  };
}

module.exports = { createApi, newKey, query, SESSION };
