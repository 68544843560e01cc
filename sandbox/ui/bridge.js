// Stands where the WeChat app stands: the published JS-SDK that follows talks to it.
(function () {
  "use strict";
  if (window.WeixinJSBridge) return;
  var tag = document.currentScript || document.querySelector('script[src*="/open/js/jweixin-"]');
  var home = new URL(tag.src, location.href).origin;

  // Neither iPhone nor Android: on those the SDK reports to the real WeChat.
  var agent = "Mozilla/5.0 (Sandbox) AppleWebKit/537.36 (KHTML, like Gecko) Mobile MicroMessenger/8.0.50.2700 NetType/WIFI Language/zh_CN";
  Object.defineProperty(navigator, "userAgent", { configurable: true, get: function () { return agent; } });

  function post(path, body) {
    return fetch(home + path, {
      method: "POST", credentials: "include", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    }).then(function (r) {
      if (!r.ok) throw new Error("bridge " + r.status);
      return r.json();
    });
  }

  // The overlay lives in a shadow root and is styled through the CSSOM, so the strictest
  // content policy of the page holds.
  var css = new CSSStyleSheet();
  css.replaceSync(
    ":host{all:initial;position:fixed;inset:0;z-index:2147483000;font:15px/1.5 -apple-system,'PingFang SC','Noto Sans CJK SC','Microsoft YaHei',sans-serif;color:#191919;-webkit-font-smoothing:antialiased}" +
    "*{box-sizing:border-box}.veil{position:absolute;inset:0;background:rgba(0,0,0,.55);animation:in .2s}" +
    ".sheet{position:absolute;inset:auto 0 0;max-height:92%;overflow:auto;max-width:480px;margin:0 auto;background:#f4f4f4;border-radius:16px 16px 0 0;padding:0 20px calc(24px + env(safe-area-inset-bottom));animation:up .28s cubic-bezier(.2,.8,.2,1)}" +
    "h2{margin:0;padding:16px 0 14px;text-align:center;font-size:16px;font-weight:600}" +
    ".face{background:linear-gradient(rgba(0,0,0,.12),rgba(0,0,0,.26)),var(--card,#2c9f67);color:#fff;border-radius:12px;padding:18px 20px 16px;margin-bottom:12px;position:relative;overflow:hidden;box-shadow:0 6px 18px rgba(0,0,0,.14)}" +
    ".face:after{content:'';position:absolute;right:-36px;top:-52px;width:150px;height:150px;border-radius:50%;background:rgba(255,255,255,.12)}" +
    ".brand{font-size:13px;opacity:.92}.title{font-size:21px;font-weight:600;line-height:1.35;margin:6px 0 18px;overflow-wrap:anywhere}" +
    ".foot{display:flex;justify-content:space-between;gap:12px;border-top:1px dashed rgba(255,255,255,.5);padding-top:10px;font-size:12px}.code{font-variant-numeric:tabular-nums;letter-spacing:.08em}" +
    "button{display:block;width:100%;min-height:48px;border:0;border-radius:8px;font-family:inherit;font-size:17px;font-weight:600;cursor:pointer;margin-top:12px}" +
    "button:focus-visible{outline:3px solid #10aeff;outline-offset:2px}button:disabled{opacity:.55;cursor:default}" +
    ".go{background:#07a653;color:#fff;margin-top:20px}.no{background:#e4e4e4;color:#191919}.mark{margin:16px 0 0;text-align:center;font-size:12px;color:#6b6b6b}" +
    ".to{margin:4px 0 0;text-align:center;overflow-wrap:anywhere}.sum{margin:2px 0 14px;text-align:center;font-size:40px;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums}.what{margin:0;padding:12px 0 0;border-top:1px solid rgba(128,128,128,.3);font-size:14px;overflow-wrap:anywhere}" +
    ".codes{display:grid;gap:8px;max-height:38vh;overflow:auto;margin-bottom:14px}.codes button{margin:0;min-height:52px;padding:6px 14px;text-align:left;font-size:15px;font-weight:400;background:#fff;color:inherit}.codes b{display:block;overflow-wrap:anywhere}.codes small{color:#6b6b6b;font-size:13px;font-variant-numeric:tabular-nums}" +
    ".kinds{display:flex;gap:20px;margin:0 0 10px}.kinds label{display:flex;gap:6px;align-items:center;min-height:32px}input{font:inherit;accent-color:#07a653}.text{display:block;width:100%;min-height:48px;padding:0 14px;border:1px solid #c4c4c4;border-radius:8px;background:#fff;color:inherit}.text:focus-visible,input:focus-visible{outline:3px solid #10aeff;outline-offset:1px}" +
    ".toast{position:absolute;left:50%;top:42%;transform:translate(-50%,-50%);background:rgba(30,30,30,.92);color:#fff;padding:16px 22px;border-radius:10px;text-align:center;min-width:140px;max-width:80%}" +
    ".toast small{display:block;opacity:.75;font-size:12px;margin-top:2px}" +
    "@keyframes in{from{opacity:0}}@keyframes up{from{transform:translateY(60%);opacity:0}}" +
    "@media (prefers-color-scheme:dark){:host{color:#e6e6e6}.sheet{background:#1f1f1f}.no{background:#3a3a3a;color:#e6e6e6}.mark,.codes small{color:#9a9a9a}.codes button,.text{background:#2c2c2c;border-color:#555}}" +
    "@media (prefers-reduced-motion:reduce){*{animation:none!important}}"
  );

  var host = null, choose = null, before = null;

  function el(name, cls, text) {
    var e = document.createElement(name);
    if (cls) e.className = cls;
    if (text !== undefined) e.textContent = text;
    return e;
  }
  function close() {
    if (host) host.remove();
    host = choose = null;
    if (before && before.focus) before.focus();
    before = null;
  }
  function overlay(id) {
    close();
    before = document.activeElement;
    host = el("div");
    host.id = id;
    var root = host.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [css];
    (document.body || document.documentElement).appendChild(host);
    return root;
  }
  function face(card) {
    var f = el("div", "face");
    if (/^#[0-9a-f]{6}$/i.test(card.color || "")) f.style.setProperty("--card", card.color);
    f.append(el("div", "brand", card.brand), el("div", "title", card.title));
    var foot = el("div", "foot");
    foot.append(el("span", "code", card.code || "添加后可见券码"), el("span", "", card.status === "CONSUMED" ? "已使用" : "沙箱卡券"));
    f.append(foot);
    return f;
  }
  function toast(text) {
    var root = overlay("wx-wallet-toast");
    var t = el("div", "toast", text);
    t.setAttribute("role", "alert");
    t.append(el("small", "", "沙箱 Sandbox"));
    root.append(t);
    var mine = host;
    setTimeout(function () { if (host === mine) close(); }, 2200);
  }
  function bill(pay) {
    var box = el("div");
    box.append(el("p", "to", pay.merchant), el("p", "sum", "¥" + pay.amount), el("p", "what", pay.title));
    return [box];
  }
  // scanner is what can be held before the camera: codes of cards, or a text.
  function scanner(scan) {
    var box = el("div"), kinds = el("div", "kinds"), codes = el("div", "codes"), text = el("input", "text");
    function kind() {
      var on = kinds.querySelector("input:checked");
      return on ? on.value : scan.kinds[0];
    }
    if (scan.kinds.length > 1) {
      scan.kinds.forEach(function (name, i) {
        var label = el("label"), dot = el("input");
        dot.type = "radio";
        dot.name = "kind";
        dot.value = name;
        dot.checked = i === 0;
        label.append(dot, name === "barCode" ? "条形码" : "二维码");
        kinds.append(label);
      });
    }
    scan.codes.forEach(function (c) {
      var b = el("button");
      b.type = "button";
      b.dataset.wx = "scan";
      b.dataset.code = c.code;
      b.append(el("b", "", c.title), el("small", "", c.code + " · " + c.who));
      b.addEventListener("click", function () { if (choose) choose("scan", c.code); });
      codes.append(b);
    });
    text.type = "text";
    text.placeholder = "或输入码里的内容";
    text.setAttribute("aria-label", "码里的内容");
    text.autocomplete = "off";
    text.addEventListener("keydown", function (e) {
      if (e.key === "Enter" && !e.isComposing && choose) choose("scan", text.value);
    });
    box.append(kinds, codes, text);
    return { box: box, kind: kind, text: text };
  }
  // show opens a sheet with cards or something else; then gets "add" (or go) or "cancel"
  // once, and for a code that was picked the code.
  function show(title, cards, addText, cancelText, then, go) {
    var root = overlay("wx-wallet-sheet");
    var veil = el("div", "veil"), s = el("div", "sheet");
    s.setAttribute("role", "dialog");
    s.setAttribute("aria-modal", "true");
    s.setAttribute("aria-label", title);
    s.append(el("h2", "", title));
    cards.forEach(function (c) { s.append(c.nodeType ? c : face(c)); });
    var buttons = [];
    function button(kind, cls, text) {
      var b = el("button", cls, text);
      b.type = "button";
      b.dataset.wx = kind;
      b.addEventListener("click", function () { if (choose) choose(kind); });
      buttons.push(b);
      s.append(b);
    }
    if (addText) button(go || "add", "go", addText);
    button("cancel", "no", cancelText);
    s.append(el("p", "mark", "沙箱演示，不会进入真实微信 · Sandbox"));
    veil.addEventListener("click", function () { if (choose) choose("cancel"); });
    root.append(veil, s);
    root.addEventListener("keydown", function (e) {
      if (e.key === "Escape" && choose) choose("cancel");
      if (e.key !== "Tab") return;
      e.preventDefault();
      var all = Array.prototype.slice.call(s.querySelectorAll("button, input:not([type=radio]), input:checked")), at = all.indexOf(root.activeElement);
      all[(at + (e.shiftKey ? all.length - 1 : 1)) % all.length].focus();
    });
    choose = function (kind, value) {
      choose = null;
      s.querySelectorAll("button").forEach(function (b) { b.disabled = true; });
      then(kind, value);
    };
    buttons[0].focus();
  }

  function invoke(api, args, done) {
    function answer(reply) { if (done) done(reply); }
    function lost() { close(); answer({ err_msg: api + ":fail network error" }); }
    if (api === "updateAppMessageShareData" || api === "updateTimelineShareData") share = args;
    post("/bridge/invoke", { api: api, url: location.href, args: args || {} }).then(function (out) {
      if (out.toast) toast(out.toast);
      if (out.sheet) {
        show("添加到卡包", out.sheet.cards, "添加", "取消", function (kind) {
          post("/bridge/sheet", { id: out.sheet.id, action: kind }).then(function (last) {
            close();
            if (last.toast) toast(last.toast);
            answer(last.reply);
          }).catch(lost);
        });
        return;
      }
      if (out.pay) {
        show("微信支付", bill(out.pay), "支付", "取消", function (kind) {
          post("/bridge/pay", { id: out.pay.id, action: kind }).then(function (last) {
            close();
            if (last.toast) toast(last.toast);
            answer(last.reply);
          }).catch(lost);
        }, "pay");
        return;
      }
      if (out.scan) {
        var held = scanner(out.scan);
        show("扫一扫", [held.box], "识别", "取消", function (kind, code) {
          post("/bridge/scan", { id: out.scan.id, action: kind, text: code === undefined ? held.text.value : code, kind: held.kind() }).then(function (last) {
            close();
            if (last.toast) toast(last.toast);
            answer(last.reply);
            if (last.open) location.href = last.open;
          }).catch(lost);
        }, "scan");
        return;
      }
      if (out.wallet) {
        show("卡包", out.wallet, "", "关闭", function () { close(); answer({ err_msg: api + ":ok" }); });
        return;
      }
      if (api === "closeWindow") tell({ kind: "close" });
      answer(out.reply);
    }).catch(lost);
  }

  // Menu buttons of the phone arrive as messages of the page around this frame.
  var listeners = {}, share = null;
  function tell(message) {
    if (window.parent !== window) window.parent.postMessage(Object.assign({ sandbox: true }, message), home);
  }
  window.addEventListener("message", function (e) {
    if (e.origin !== home || !e.data || e.data.sandbox !== true || e.data.kind !== "share") return;
    var listener = listeners[e.data.to === "timeline" ? "menu:share:timeline" : "menu:share:appmessage"];
    if (listener) return listener({ scene: "friend", shareTo: e.data.to });
    invoke(e.data.to === "timeline" ? "shareTimeline" : "sendAppMessage", share || { title: document.title, link: location.href.split("#")[0] });
  });

  window.WeixinJSBridge = {
    invoke: invoke,
    on: function (name, fn) { listeners[name] = fn; },
    call: function (api) { invoke(api, {}); },
    log: function () {},
  };
  window.__wxSandbox = {
    pay: function () { if (choose) choose("pay"); },
    scan: function (text) { if (choose) choose("scan", text); },
    add: function () { if (choose) choose("add"); },
    cancel: function () { if (choose) choose("cancel"); },
    get open() { return !!choose; },
  };
  setTimeout(function () { document.dispatchEvent(new Event("WeixinJSBridgeReady")); }, 0);
  function where() { tell({ kind: "location", href: location.href, title: document.title }); }
  where();
  addEventListener("load", where);
  addEventListener("hashchange", where);
})();
