// The claim page's script: sends the form without a reload, opens WeChat's wallet, and
// keeps the state fresh. Without it the page still works for codes of our own.
(function () {
  'use strict';
  document.documentElement.classList.add('kq-on');
  var source = document.getElementById('kq-data');
  var page = source ? JSON.parse(source.textContent) : { texts: {} };
  var skew = page.now ? page.now - Date.now() : 0; // the server's clock minus ours
  var last = null; // the request that "try again" repeats, with its idempotency key
  var busy = false;
  var resigned = false;
  var tries = 0;
  var watch = null; // timers of the state on screen
  var opened = '';

  function main() { return document.getElementById('kq-main'); }
  function state() { return main().dataset.state; }
  function now() { return Date.now() + skew; }

  // ask sends a request of ours; a lost network rejects after fifteen seconds at most.
  function ask(method, path, fields) {
    var options = { method: method, credentials: 'same-origin', headers: { 'X-Kq-Fragment': '1', 'X-CSRF-Token': page.csrf || '' } };
    if (fields) {
      options.headers['Content-Type'] = 'application/x-www-form-urlencoded;charset=UTF-8';
      options.body = fields.toString();
    }
    var late = new Promise(function (resolve, reject) { setTimeout(function () { reject(new Error('timeout')); }, 15000); });
    return Promise.race([fetch(path, options), late]);
  }

  function fields(values) {
    var f = new URLSearchParams();
    Object.keys(values).forEach(function (name) { f.append(name, values[name]); });
    return f;
  }

  function channel() {
    var m = /[?&]ch=([^&#]*)/.exec(location.search);
    return m ? '?ch=' + m[1] : '';
  }

  // put shows another state. A problem page knows no campaign, so the face stays.
  function put(next) {
    var old = main();
    // A spare state brings its own words and button only: the rest of the page stays.
    var bar = next.querySelector('.kq-bar');
    [['.kq-face', next.firstChild], ['.kq-fold', bar], ['.kq-foot', bar]].forEach(function (part) {
      var kept = old.querySelector(part[0]);
      if (kept && !next.querySelector(part[0])) next.insertBefore(kept, part[1]);
    });
    old.parentNode.replaceChild(next, old);
    enter(true);
  }

  function parsed(html) { return new DOMParser().parseFromString(html, 'text/html').getElementById('kq-main'); }

  function putText(html) {
    var next = parsed(html);
    if (!next) throw new Error('no page');
    put(document.importNode(next, true));
  }

  function putTemplate(name) {
    var t = document.getElementById('kq-' + name);
    if (!t) { location.reload(); return; }
    put(document.importNode(t.content, true).querySelector('main'));
  }

  function setBusy(on) {
    busy = on;
    var button = main().querySelector('.kq-btn');
    if (button) button.setAttribute('aria-busy', String(on));
  }

  // send does one write and shows the state that comes back. The same body goes out again
  // on every retry, so nothing is claimed twice.
  function send(path, body) {
    if (busy) return;
    last = { path: path, body: body };
    setBusy(true);
    var before = state();
    ask('POST', path, body).then(function (answer) {
      return answer.text().then(function (html) {
        busy = false;
        putText(html);
        if (before === 'ready' && state() === 'pay_needed') pay(); // its button named the price
        if (answer.status === 429 && tries < 5) {
          tries++;
          setTimeout(function () { if (last && state() === 'rate_limited') send(last.path, last.body); }, 3000 + Math.random() * 1500);
        } else if (answer.status !== 429) {
          tries = 0;
        }
      });
    }).catch(function () {
      busy = false;
      putTemplate('network_error');
    });
  }

  // WeChat's SDK: loaded only where the page has a signature, checked once.
  var listeners = [];
  var signed = ''; // the address that the present signature is for
  var sdk = 'idle'; // idle, waiting, ready, failed
  function settle(result) {
    if (sdk === 'failed' && result === 'ready') return;
    sdk = result;
    var waiting = listeners;
    listeners = [];
    waiting.forEach(function (f) { f(result === 'ready'); });
  }
  // whenReady waits five seconds at most: where WeChat does not answer it never will.
  function whenReady(f) {
    if (sdk === 'ready' || sdk === 'failed') { f(sdk === 'ready'); return; }
    function told(ok) {
      clearTimeout(timer);
      listeners = listeners.filter(function (other) { return other !== told; });
      f(ok);
    }
    var timer = setTimeout(function () { told(false); }, 5000);
    listeners.push(told);
  }
  // complain tells staff what the account's settings are to blame for, without values that
  // give rights away.
  function complain(which, message) {
    if (!/signature|签名|url domain|permission|offline verifying/i.test(message)) return;
    var shown = location.href.replace(/([?&#](?:code|state|openid|unionid|ticket|\w*token)=)[^&#]*/gi, '$1*');
    ask('POST', page.base + '/signature', fields({ which: which, href: shown, signed: signed, message: message.slice(0, 200) })).catch(function () {});
  }
  function configure(config) {
    signed = config.url;
    window.wx.config({
      debug: false, appId: config.appId, timestamp: config.timestamp, nonceStr: config.nonceStr, signature: config.signature,
      jsApiList: ['addCard', 'openCard', 'updateAppMessageShareData', 'updateTimelineShareData', 'onMenuShareAppMessage', 'onMenuShareTimeline']
    });
  }
  // accepted: wx.ready fires after a refusal too, so wx.error alone tells.
  var refused = false;
  function accepted() {
    if (refused) return;
    settle('ready');
    share();
  }
  function start() {
    if (!page.sdk || !page.config) { sdk = 'failed'; return; }
    sdk = 'waiting';
    var second = page.sdk.replace('//res.wx.qq.com/', '//res2.wx.qq.com/');
    load(second === page.sdk ? [page.sdk] : [page.sdk, second]);
  }
  // load tries the script's hosts in turn.
  function load(addresses) {
    var script = document.createElement('script');
    script.src = addresses[0];
    script.onerror = function () {
      if (addresses.length > 1) load(addresses.slice(1));
      else settle('failed');
    };
    script.onload = function () {
      if (!window.wx) { settle('failed'); return; }
      window.wx.ready(accepted);
      window.wx.error(function (problem) {
        var text = String((problem && problem.errMsg) || '');
        refused = true;
        complain('page', text);
        if (resigned || !/invalid signature/i.test(text)) { settle('failed'); return; }
        // The address that WeChat sees may differ from the one we signed: sign what is shown.
        resigned = true;
        ask('POST', page.base + '/config', fields({ url: location.href.split('#')[0] })).then(function (answer) {
          if (!answer.ok) throw new Error('refused');
          return answer.json();
        }).then(function (config) {
          refused = false;
          configure(config);
          setTimeout(accepted, 1500); // the SDK says nothing more when the second one is right
        }).catch(function () { settle('failed'); });
      });
      configure(page.config);
    };
    document.head.appendChild(script);
  }

  function share() {
    if (!page.share) return;
    var wx = window.wx;
    var s = page.share;
    var friend = { title: s.title, desc: s.desc, link: s.link, imgUrl: s.imgUrl };
    var moments = { title: s.title, link: s.link, imgUrl: s.imgUrl };
    [['updateAppMessageShareData', friend], ['updateTimelineShareData', moments], ['onMenuShareAppMessage', friend], ['onMenuShareTimeline', moments]].forEach(function (call) {
      if (typeof wx[call[0]] === 'function') wx[call[0]](Object.assign({}, call[1]));
    });
  }

  // add opens the wallet; the card is signed afresh for every tap.
  function add() {
    var claim = main().dataset.claim;
    if (busy || !claim) return;
    setBusy(true);
    whenReady(function (ok) {
      if (!ok) { busy = false; putTemplate('sign_failed'); return; }
      ask('POST', page.base + '/card' + channel(), fields({ claim: claim })).then(function (answer) {
        if (/json/.test(answer.headers.get('Content-Type') || '') && answer.ok) return answer.json().then(function (card) { wallet(claim, card); });
        return answer.text().then(function (html) { busy = false; putText(html); });
      }).catch(function () {
        busy = false;
        last = null;
        putTemplate('network_error');
      });
    });
  }

  // reason is the code for a refusal that WeChat's client puts into words alone.
  function reason(text) {
    if (/sign|签名/i.test(text)) return 'signature';
    if (/stock|sold out|库存|领完/i.test(text)) return '45031';
    if (/limit|上限|次数/i.test(text)) return '45033';
    if (/status|审核|权限|失效|过期/i.test(text)) return '40078';
    return 'fail';
  }

  // added is what the wallet says about our card: whether it went in, and its encrypted
  // code, with which the server can ask WeChat when WeChat's own message does not come.
  function added(answer) {
    var list = (answer && answer.cardList) || [];
    if (typeof list === 'string') {
      try { list = JSON.parse(list); } catch (e) { list = []; }
    }
    var card = list[0] || {};
    return { ok: !/^(false|0)$/i.test(String(card.isSuccess)), code: card.code || '' };
  }

  function wallet(claim, card) {
    var told = false;
    function tell(outcome, detail, code) {
      told = true;
      busy = false;
      send(page.base + '/report' + channel(), fields({ claim: claim, outcome: outcome, detail: detail || '', code: code || '' }));
    }
    window.wx.addCard({
      cardList: [{ cardId: card.cardId, cardExt: card.cardExt }],
      success: function (answer) {
        var card = added(answer);
        if (card.ok) tell('added', '', card.code);
        else tell('refused', 'fail');
      },
      cancel: function () { tell('cancelled'); },
      fail: function (problem) {
        var text = JSON.stringify(problem || {});
        if (/:(fail )?cancel/i.test(text)) { tell('cancelled'); return; }
        var code = /\b\d{4,6}\b/.exec(text);
        complain('card', String((problem && problem.errMsg) || text));
        tell('refused', code ? code[0] : reason(text));
      }
    });
    // Some clients never say that the sheet was closed: the button must work again.
    setTimeout(function () { if (!told) setBusy(false); }, 3000);
  }

  function view(button) {
    whenReady(function (ok) {
      if (!ok) { putTemplate('sign_failed'); return; }
      window.wx.openCard({ cardList: [{ cardId: button.dataset.cardId, code: button.dataset.code }] });
    });
  }

  // withBridge waits for the object that the WeChat app puts into the page.
  function withBridge(f) {
    var done = false;
    function go() {
      if (done) return;
      done = true;
      f(window.WeixinJSBridge || null);
    }
    if (window.WeixinJSBridge) { go(); return; }
    document.addEventListener('WeixinJSBridgeReady', go, false);
    setTimeout(go, 5000);
  }

  // pay opens WeChat's payment dialog; it is signed afresh for every tap. What the dialog
  // says is a hint: the server asks WeChat.
  function pay() {
    var claim = main().dataset.claim;
    if (busy || !claim) return;
    setBusy(true);
    withBridge(function (bridge) {
      if (!bridge) { busy = false; putTemplate('sign_failed'); return; }
      ask('POST', page.base + '/pay' + channel(), fields({ claim: claim })).then(function (answer) {
        if (!/json/.test(answer.headers.get('Content-Type') || '') || !answer.ok) {
          return answer.text().then(function (html) { busy = false; putText(html); });
        }
        return answer.json().then(function (params) {
          bridge.invoke('getBrandWCPayRequest', params, function (result) {
            var text = String((result && (result.err_msg || result.errMsg)) || '');
            busy = false;
            send(page.base + '/paid' + channel(), fields(/:ok$/.test(text) ? { claim: claim } : { claim: claim, closed: 1 }));
          });
          // Some clients never say that the dialog was closed: the button must work again.
          setTimeout(function () { setBusy(false); }, 3000);
        });
      }).catch(function () {
        busy = false;
        last = null;
        putTemplate('network_error');
      });
    });
  }

  function refresh() {
    if (busy) return;
    setBusy(true);
    ask('GET', page.base + '/state' + channel()).then(function (answer) { return answer.text(); }).then(function (html) {
      busy = false;
      putText(html);
    }).catch(function () { busy = false; last = null; putTemplate('network_error'); });
  }

  function retry() {
    if (last) send(last.path, last.body);
    else refresh();
  }

  // poll asks for the state, ever more slowly, for two minutes.
  function poll() {
    var mine = watch;
    var turn = mine.turn = {}; // a newer poll of the same state ends this one
    var wait = 1000;
    var until = Date.now() + 120000;
    function again() {
      if (mine !== watch || mine.turn !== turn || Date.now() > until) return;
      mine.poll = setTimeout(function () {
        if (document.hidden || busy) { again(); return; }
        ask('GET', page.base + '/state' + channel()).then(function (answer) {
          return answer.ok ? answer.text() : '';
        }).then(function (html) {
          if (mine !== watch || mine.turn !== turn || busy || !html) { again(); return; }
          var next = parsed(html);
          var waiting = { claiming: 1, cancelled: 1, pay_needed: 1, pay_failed: 1, paying: 1 };
          if (next && next.dataset.state !== state() && !(waiting[next.dataset.state] && waiting[state()])) put(document.importNode(next, true));
          else again();
        }).catch(again);
        wait = Math.min(5000, wait * 1.5);
      }, wait);
    }
    again();
  }

  function clock(ms) {
    var s = Math.max(0, Math.ceil(ms / 1000));
    var two = function (n) { return (n < 10 ? '0' : '') + n; };
    var days = Math.floor(s / 86400);
    var text = (s >= 3600 ? two(Math.floor(s / 3600) % 24) + ':' : '') + two(Math.floor(s / 60) % 60) + ':' + two(s % 60);
    return days ? page.texts.day.replace('{days}', days).replace('{time}', text) : text;
  }

  // tick writes what is left until a moment, and goes on once it has come.
  function tick(selector, at, words, done) {
    var mine = watch;
    var line = main().querySelector(selector);
    function step() {
      if (mine !== watch) return;
      var left = at - now();
      line.hidden = false;
      line.textContent = left > 0 ? words(clock(left)) : page.texts.starting;
      if (left > 0) mine.tick = setTimeout(step, Math.min(1000, left + 20));
      else done();
    }
    if (line) step();
  }

  function enter(changed) {
    if (watch) { clearTimeout(watch.poll); clearTimeout(watch.tick); clearTimeout(watch.late); }
    watch = {};
    var m = main();
    document.dispatchEvent(new CustomEvent('kq:state'));
    var focus = m.querySelector('[autofocus]') || (changed && m.querySelector('.kq-say__title'));
    if (focus) focus.focus();
    if (changed && !m.querySelector('[autofocus]')) window.scrollTo(0, 0);
    if (m.dataset.start) {
      // A little spread, so that a whole crowd does not ask in the same instant.
      tick('[data-countdown]', +m.dataset.start, function (t) { return t; }, function () { watch.tick = setTimeout(refresh, Math.random() * 800); });
    }
    if (m.dataset.until) {
      tick('[data-hold]', +m.dataset.until, function (t) { return page.texts.left.replace('{time}', t); }, function () { watch.tick = setTimeout(refresh, 1000); });
    }
    var late = m.querySelector('[data-late]');
    if (late) watch.late = setTimeout(function () { late.hidden = false; }, 10000);
    if (m.dataset.poll) poll();
    if (m.dataset.open && opened !== m.dataset.claim) {
      opened = m.dataset.claim;
      add();
    }
  }

  function toast(text) {
    var t = document.createElement('div');
    t.className = 'kq-toast';
    t.setAttribute('role', 'status');
    t.textContent = text;
    document.body.appendChild(t);
    setTimeout(function () { document.body.removeChild(t); }, 1600);
  }

  function copy(text) {
    function old() {
      var area = document.createElement('textarea');
      area.value = text;
      area.setAttribute('readonly', '');
      document.body.appendChild(area);
      area.select();
      var ok = document.execCommand('copy');
      document.body.removeChild(area);
      if (ok) toast(page.texts.copied);
    }
    if (navigator.clipboard && navigator.clipboard.writeText) {
      navigator.clipboard.writeText(text).then(function () { toast(page.texts.copied); }, old);
    } else {
      old();
    }
  }

  function zoom() {
    var code = main().querySelector('.kq-code');
    if (code) code.classList.toggle('kq-code_full');
  }

  document.addEventListener('submit', function (event) {
    var form = event.target;
    if (!form.hasAttribute('data-claim-form') || !window.fetch || !window.URLSearchParams) return;
    event.preventDefault();
    var body = new URLSearchParams();
    Array.prototype.forEach.call(form.elements, function (e) {
      if (e.name && !e.disabled && (e.type !== 'checkbox' || e.checked)) body.append(e.name, e.value);
    });
    tries = 0;
    send(form.getAttribute('action'), body);
  });

  document.addEventListener('click', function (event) {
    var button = event.target.closest ? event.target.closest('[data-act]') : null;
    if (!button) return;
    event.preventDefault();
    switch (button.dataset.act) {
      case 'add': add(); break;
      case 'pay': pay(); break;
      case 'view': view(button); break;
      case 'copy': copy(button.dataset.text); break;
      case 'zoom': zoom(); break;
      case 'retry': retry(); break;
      case 'refresh': refresh(); break;
      case 'reload': location.reload(); break;
    }
  });

  document.addEventListener('visibilitychange', function () {
    if (!document.hidden && watch && main().dataset.poll) {
      clearTimeout(watch.poll);
      poll();
    }
  });

  // A page that comes back out of the app's memory shows what was.
  window.addEventListener('pageshow', function (event) {
    if (!event.persisted || !page.base) return;
    setBusy(false);
    ask('GET', page.base + '/state' + channel()).then(function (answer) {
      return answer.ok ? answer.text() : '';
    }).then(function (html) {
      var next = parsed(html);
      if (next && next.dataset.state !== state() && !busy) put(document.importNode(next, true));
    }).catch(function () {});
  });

  if (state() === 'rate_limited' && main().querySelector('.kq-btn')) {
    setTimeout(function () { location.href = main().querySelector('.kq-btn').href; }, 3000 + Math.random() * 1500);
  }
  start();
  enter(false);
})();
