// A stand-in for the `wx` of WeChat under Node. Requests go over HTTP to a Kaquan server, and
// wx.login, wx.scanCode, wx.addCard and the phone number button to the WeChat sandbox; or, when
// `answer` is given, both stay in this process. What pages show is kept in `seen`.
const { setTimeout: later } = require('node:timers');

function createWx({ server = process.env.KAQUAN_URL, sandbox = process.env.SANDBOX_URL, bank = process.env.BANK_URL || sandbox, persona = 'lin', appId = 'wxmini0000000000cd', answer = null, hands = {}, language = 'zh_CN' } = {}) {
  const storage = new Map();
  const seen = { toasts: [], modals: [], went: [], requests: [], clipboard: null, vibrations: [], titles: [], brightness: [] };
  const wanted = { modal: () => ({ confirm: true }), addCard: 'add', pay: 'pay' };
  const listeners = new Set();
  let network = true;

  // end calls success or fail as wx does, and then complete.
  const end = (o, errMsg, fields = {}) => {
    const r = { errMsg, ...fields };
    (/:ok$/.test(errMsg) ? o.success : o.fail)?.(r);
    o.complete?.(r);
  };

  // hand is what a person's phone does in the sandbox.
  async function hand(name, body = {}) {
    if (hands[name]) return hands[name](body);
    if (!sandbox) throw new Error(`no sandbox plays ${name}`);
    const res = await fetch(`${name === 'pay' ? bank : sandbox}/phone/${name === 'pay' ? '' : 'mini/'}${name}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ persona: api.persona, ...body }) });
    if (!res.ok) throw new Error(`${name}: ${res.status} ${await res.text()}`);
    return res.json();
  }
  const play = (name, o, body) => hand(name, body).then((r) => { const { errMsg, ...rest } = r; end(o, errMsg, rest); }, (e) => end(o, `${name}:fail ${e.message}`));

  async function request(o) {
    const { url, method = 'GET', data, header = {} } = o;
    seen.requests.push({ method, path: url.replace(server || '', ''), data, header });
    if (!network) return end(o, 'request:fail network is down');
    try {
      if (answer) {
        const r = await answer({ method, path: url.replace(server || '', ''), data, header });
        return end(o, 'request:ok', { statusCode: r.status || 200, header: r.header || {}, data: r.data });
      }
      const bare = method === 'GET';
      const res = await fetch(url, { method, headers: header, body: bare || data === undefined ? undefined : JSON.stringify(data) });
      const text = await res.text();
      let parsed = text;
      try {
        parsed = JSON.parse(text);
      } catch (e) {
        // wx gives the text when it is no JSON
      }
      return end(o, 'request:ok', { statusCode: res.status, header: Object.fromEntries(res.headers), data: parsed });
    } catch (e) {
      return end(o, `request:fail ${e.message}`);
    }
  }

  async function uploadFile(o) {
    seen.requests.push({ method: 'POST', path: o.url.replace(server || '', ''), file: o.filePath, name: o.name, header: o.header });
    if (!network) return end(o, 'uploadFile:fail network is down');
    if (answer) {
      const r = await answer({ method: 'POST', path: o.url.replace(server || '', ''), file: o.filePath, header: o.header });
      return end(o, 'uploadFile:ok', { statusCode: r.status || 200, data: JSON.stringify(r.data) });
    }
    try {
      const form = new FormData();
      form.append(o.name, new Blob([require('node:fs').readFileSync(o.filePath)]), 'picture');
      const res = await fetch(o.url, { method: 'POST', headers: o.header, body: form });
      return end(o, 'uploadFile:ok', { statusCode: res.status, data: await res.text() });
    } catch (e) {
      return end(o, `uploadFile:fail ${e.message}`);
    }
  }

  const go = (how) => (o) => { seen.went.push({ how, url: o && o.url }); o?.success?.({ errMsg: `${how}:ok` }); };

  const api = {
    persona, seen, wanted, storage, hand,
    setNetwork(on) {
      network = on;
      listeners.forEach((l) => l({ isConnected: on, networkType: on ? 'wifi' : 'none' }));
    },
    request: (o) => { request(o); return { abort() {} }; },
    uploadFile: (o) => { uploadFile(o); return { abort() {} }; },
    login: (o) => play('login', o),
    checkSession: (o) => play('check-session', o),
    scanCode: (o) => play('scan-code', o),
    addCard: (o) => play('add-card', o, { choice: wanted.addCard, cardList: o.cardList }),
    requestPayment: (o) => play('pay', o, { action: wanted.pay, timeStamp: o.timeStamp, nonceStr: o.nonceStr, package: o.package, signType: o.signType, paySign: o.paySign }),
    getAccountInfoSync: () => ({ miniProgram: { appId, envVersion: 'develop' } }),
    getAppBaseInfo: () => ({ language }),
    getWindowInfo: () => ({ pixelRatio: 2, windowWidth: 375 }),
    getStorageSync: (k) => (storage.has(k) ? structuredClone(storage.get(k)) : ''),
    setStorageSync: (k, v) => storage.set(k, structuredClone(v)),
    removeStorageSync: (k) => storage.delete(k),
    showToast: (o) => seen.toasts.push(o.title),
    showModal: (o) => { seen.modals.push(o); const r = wanted.modal(o); o.success?.({ confirm: Boolean(r.confirm), cancel: !r.confirm, content: r.content, errMsg: 'showModal:ok' }); },
    setClipboardData: (o) => { seen.clipboard = o.data; o.success?.({ errMsg: 'setClipboardData:ok' }); },
    setNavigationBarTitle: (o) => seen.titles.push(o.title),
    setTabBarItem: () => {},
    stopPullDownRefresh: () => {},
    openPrivacyContract: () => {},
    vibrateShort: () => seen.vibrations.push('short'),
    vibrateLong: () => seen.vibrations.push('long'),
    getScreenBrightness: (o) => o.success({ value: 0.4 }),
    setScreenBrightness: (o) => seen.brightness.push(o.value),
    setKeepScreenOn: () => {},
    onNetworkStatusChange: (l) => listeners.add(l),
    offNetworkStatusChange: (l) => listeners.delete(l),
    getNetworkType: (o) => o.success({ networkType: network ? 'wifi' : 'none' }),
    navigateTo: go('navigateTo'), redirectTo: go('redirectTo'), switchTab: go('switchTab'), navigateBack: go('navigateBack'),
    nextTick: (f) => later(f, 0),
    createSelectorQuery: () => {
      const q = { in: () => q, select: () => q, fields: () => q, exec: (f) => f([{ node: canvas(), width: 260, height: 260 }]) };
      return q;
    },
  };
  function canvas() {
    api.painted = [];
    return { width: 0, height: 0, getContext: () => ({ fillRect: (...r) => api.painted.push(r) }) };
  }
  return api;
}

module.exports = { createWx };
