// The phone page: frame, personas, wallet, log, switches.
(function () {
  "use strict";
  var $ = function (id) { return document.getElementById(id); };
  var screen = $("screen"), url = $("url"), start = document.body.dataset.start, persona = null, lastEntry = 0, refusals = 0;

  function el(name, attrs, children) {
    var e = document.createElement(name);
    Object.keys(attrs || {}).forEach(function (k) { e.setAttribute(k, attrs[k]); });
    [].concat(children || []).forEach(function (c) { e.append(c); });
    return e;
  }
  function small(text) { return el("small", { lang: "en" }, text); }
  function control(body) {
    return fetch("/sandbox-ui/control", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })
      .then(function (r) {
        return r.text().then(function (text) {
          if (!r.ok) toast(text.trim().replace(/^sandbox: /, ""));
          return load().then(function () { return r.ok ? text : Promise.reject(new Error(text)); });
        });
      });
  }
  function quietly(body) { return control(body).catch(function () {}); }
  var fading;
  function toast(text) {
    $("toast").textContent = text;
    $("toast").hidden = false;
    clearTimeout(fading);
    fading = setTimeout(function () { $("toast").hidden = true; }, 4000);
  }
  // ask shows a list of buttons and calls back with what is chosen.
  function ask(title, items, none) {
    $("ask-title").textContent = title;
    $("ask-list").replaceChildren.apply($("ask-list"), items.length ? items : [el("p", { class: "none" }, none)]);
    $("ask").showModal();
  }
  $("ask").addEventListener("click", function (e) {
    if (e.target === $("ask") || e.target.closest("#ask-list button")) $("ask").close();
  });

  // The web page or the chat is on the screen.
  var shown = "web", drawn = [];
  function show(what) {
    shown = what;
    ["nav", "address", "screen"].forEach(function (id) { $(id).hidden = what !== "web"; });
    $("chat").hidden = what !== "chat";
    document.querySelectorAll("[data-show]").forEach(function (b) { b.setAttribute("aria-pressed", b.dataset.show === what); });
    if (what === "chat") load();
  }
  document.querySelectorAll("[data-show]").forEach(function (b) { b.addEventListener("click", function () { show(b.dataset.show); }); });
  // phone is what the chat's script shares with this one.
  window.phone = {
    $: $, el: el, small: small, control: quietly, ask: ask,
    open: function (address) { show("web"); go(address); },
    shown: function () { return shown; },
    onDraw: function (f) { drawn.push(f); }
  };

  // The frame. What it shows tells its address; a page without the SDK cannot.
  function go(address) {
    if (!/^https?:\/\//i.test(address)) address = "http://" + address;
    // A frame that is sent to its own address with a fragment only scrolls.
    address = address.replace(/#.*$/, "");
    url.value = address;
    $("title").textContent = "网页";
    screen.src = address;
  }
  window.addEventListener("message", function (e) {
    if (e.source !== screen.contentWindow || !e.data || e.data.sandbox !== true) return;
    if (e.data.kind === "location") {
      url.value = String(e.data.href);
      $("title").textContent = String(e.data.title) || "网页";
    } else if (e.data.kind === "close") go(start);
  });
  $("address").addEventListener("submit", function (e) { e.preventDefault(); go(url.value.trim()); });
  $("reload").addEventListener("click", function () { go(url.value); });
  $("home").addEventListener("click", function () { show("web"); go(start); });
  function menu(open) { $("menu").hidden = !open; $("more").setAttribute("aria-expanded", open); }
  $("more").addEventListener("click", function () { menu($("menu").hidden); });
  document.addEventListener("click", function (e) { if (!e.target.closest(".nav")) menu(false); });
  document.addEventListener("keydown", function (e) { if (e.key === "Escape") menu(false); });
  $("menu").addEventListener("click", function (e) {
    var b = e.target.closest("[data-share]");
    if (!b) return;
    menu(false);
    screen.contentWindow.postMessage({ sandbox: true, kind: "share", to: b.dataset.share }, "*");
  });
  function clock() { $("clock").textContent = new Date().toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false }); }
  clock();
  setInterval(clock, 15000);

  // Another person's phone starts at the start page.
  document.addEventListener("click", function (e) {
    var b = e.target.closest("[data-persona]");
    if (!b) return;
    var id = b.dataset.persona;
    control(id === "new" ? { do: "visitor" } : { do: "persona", name: id }).then(function () { show("web"); go(start); });
  });
  $("full").querySelector("button").addEventListener("click", function () { control({ do: "visitor" }).then(function () { show("web"); go(start); }); });

  // Tabs.
  var tabs = [].slice.call(document.querySelectorAll("[role=tab]"));
  function select(tab) {
    tabs.forEach(function (t) {
      var on = t === tab;
      t.setAttribute("aria-selected", on);
      t.tabIndex = on ? 0 : -1;
      $(t.getAttribute("aria-controls")).hidden = !on;
    });
    if (tab.id === "tab-log") { refusals = 0; badges(); }
  }
  tabs.forEach(function (t) {
    t.addEventListener("click", function () { select(t); });
    t.addEventListener("keydown", function (e) {
      var step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
      if (!step) return;
      var open = tabs.filter(function (o) { return !o.hidden; });
      var next = open[(open.indexOf(t) + step + open.length) % open.length];
      select(next);
      next.focus();
    });
  });
  function badges() {
    $("count-log").textContent = refusals || "";
    $("count-log").className = "bad";
  }

  function drawPeople(s) {
    var box = $("people"), keep = box.contains(document.activeElement) && document.activeElement.dataset.persona;
    var key = JSON.stringify([s.personas, s.persona]);
    if (box.dataset.key === key) return;
    box.dataset.key = key;
    box.replaceChildren.apply(box, s.personas.map(function (p) {
      return el("button", { type: "button", class: "face", "data-persona": p.id, "aria-pressed": p.id === s.persona },
        [el("img", { src: "/mmopen/" + p.id + "/64", alt: "" }), el("b", {}, p.name), small(p.en)]);
    }));
    var now = box.querySelector('[aria-pressed="true"]');
    if (now && box.scrollWidth > box.clientWidth) box.scrollLeft = now.offsetLeft - box.offsetLeft - 16;
    if (keep) (box.querySelector('[data-persona="' + keep + '"]') || box).focus();
    $("holder").textContent = (s.personas.find(function (p) { return p.id === s.persona; }) || {}).name || "";
    $("full").hidden = s.kind !== "snapshot";
  }
  function drawWallet(s) {
    var box = $("wallet");
    if (!s.wallet.length) {
      box.replaceChildren(el("div", { class: "none" }, ["卡包是空的，去手机里领一张吧", small("The wallet is empty: claim a card on the phone")]));
    } else {
      box.replaceChildren.apply(box, s.wallet.map(function (c) {
        var act = function (attr, text, label, f) {
          var attrs = { type: "button", "aria-label": label + " " + c.title };
          attrs[attr] = c.code;
          var b = el("button", attrs, text);
          b.addEventListener("click", f);
          return b;
        };
        var actions = [el("span", {}, { CONSUMED: "已使用", GIFTING: "赠送中" }[c.status] || "")];
        if (c.status === "NORMAL") {
          if (c.notify) actions.push(act("data-view", "查看", "查看", function () { quietly({ do: "view", code: c.code }); }));
          if (c.gift) actions.push(act("data-gift", "赠送", "赠送", function () { gift(s, c); }));
          actions.push(act("data-consume", "店员核销", "店员核销", function () { quietly({ do: "consume", code: c.code }); }));
        }
        actions.push(act("data-delete", "删除", "删除", function () { control({ do: "delete", code: c.code }); }));
        var card = el("article", { class: "card", "data-code": c.code, "data-card": c.card, "data-status": c.status },
          [el("small", {}, c.brand), el("b", {}, c.title), el("code", {}, c.code.replace(/(\d{4})(?=\d)/g, "$1 ")), el("div", { class: "foot" }, actions)]);
        if (/^#[0-9a-f]{6}$/i.test(c.color)) card.style.setProperty("--card", c.color);
        return card;
      }));
    }
    $("count-wallet").textContent = s.wallet.length || "";
    $("gifts").replaceChildren.apply($("gifts"), s.gifts.map(function (c) {
      var take = el("button", { type: "button", "data-accept": c.code }, "收下"), leave = el("button", { type: "button", "data-return": c.code }, "退回");
      take.addEventListener("click", function () { quietly({ do: "accept", code: c.code }); });
      leave.addEventListener("click", function () { quietly({ do: "return", code: c.code }); });
      return el("div", { class: "offer" }, [el("span", {}, [c.from + " 送你「" + c.title + "」", small("a gift")]), take, leave]);
    }));
    $("stock").replaceChildren.apply($("stock"), s.cards.map(function (c) {
      var row = [el("span", {}, c.title)];
      if (c.review) {
        [[true, "审核通过"], [false, "不通过"]].forEach(function (x) {
          var b = el("button", { type: "button", "data-review": x[0] }, x[1]);
          b.addEventListener("click", function () { quietly({ do: "review", name: c.card, on: x[0], text: "内容不符合规范" }); });
          row.push(b);
        });
      }
      return el("li", {}, row.concat(el("b", {}, String(c.stock))));
    }));
  }
  function gift(s, c) {
    ask("送给谁 · give to", s.personas.filter(function (p) { return p.id !== s.persona && p.kind !== "pc"; }).map(function (p) {
      var b = el("button", { type: "button", "data-gift-to": p.id }, [el("img", { src: "/mmopen/" + p.id + "/64", alt: "" }), p.name]);
      b.addEventListener("click", function () { quietly({ do: "gift", code: c.code, name: p.id }); });
      return b;
    }), "没有别人 · nobody else");
  }
  function drawLog(s) {
    var box = $("log"), first = lastEntry === 0;
    $("callback").textContent = s.callback || "（未填写）";
    if ($("mode").children.length !== s.modes.length) {
      $("mode").replaceChildren.apply($("mode"), s.modes.map(function (m) { return el("option", { value: m }, { plain: "明文 plain", mixed: "兼容 mixed", encrypted: "安全 encrypted" }[m]); }));
    }
    $("mode").value = s.mode;
    if (!s.log.length) { box.replaceChildren(); return; }
    s.log.filter(function (e) { return e.id > lastEntry; }).reverse().forEach(function (e) {
      lastEntry = e.id;
      if (e.level === "refused" && !first && $("panel-log").hidden) refusals++;
      var line = el("div", { class: "line" }, [el("time", {}, new Date(e.at).toLocaleTimeString("zh-CN", { hour12: false })), el("b", {}, e.text)]);
      var li = el("li", { "data-level": e.level, "data-area": e.area }, [line, small(e.en)]);
      if (e.event) {
        var again = el("button", { type: "button", class: "again" }, "重发");
        again.addEventListener("click", function () { control({ do: "resend", event: e.event }); });
        line.append(again);
      }
      if (e.detail) li.append(el("details", {}, [el("summary", {}, "详情 detail"), el("pre", {}, e.detail)]));
      box.prepend(li);
    });
    while (box.children.length > 300) box.lastChild.remove();
    badges();
  }
  var shares = [[1, "总是"], [0.5, "一半"], [0.1, "偶尔"]];
  function drawSwitches(s) {
    var box = $("switches");
    if (!box.firstChild) {
      var list = null, group = "";
      s.switches.forEach(function (w) {
        if (w.group !== group) {
          group = w.group;
          list = el("ul");
          box.append(el("h2", {}, group), list);
        }
        var input = el("input", w.once ? { type: "button", value: "执行", "data-switch": w.name } : { type: "checkbox", role: "switch", "data-switch": w.name });
        input.addEventListener(w.once ? "click" : "change", function () { control({ do: "switch", name: w.name, on: w.once || input.checked }); });
        input.id = "switch-" + w.name;
        var row = [el("label", { "for": input.id }, [w.zh, small(w.en)])];
        if (!w.once) {
          var share = el("select", { "data-chance": w.name, "aria-label": "多久一次 how often: " + w.zh, hidden: "" },
            shares.map(function (x) { return el("option", { value: x[0] }, x[1]); }));
          share.addEventListener("change", function () { control({ do: "chance", name: w.name, chance: Number(share.value) }); });
          row.push(share);
        }
        list.append(el("li", {}, row.concat(input)));
      });
    }
    var on = 0;
    s.switches.forEach(function (w) {
      if (w.on) on++;
      var input = box.querySelector('[data-switch="' + w.name + '"]');
      if (w.once) return;
      input.checked = w.on;
      // How often is asked only of what is on; a share from elsewhere shows as the nearest.
      var share = box.querySelector('[data-chance="' + w.name + '"]');
      share.hidden = !w.on;
      share.value = shares.reduce(function (a, b) { return Math.abs(b[0] - w.chance) < Math.abs(a[0] - w.chance) ? b : a; })[0];
    });
    $("count-switches").textContent = on || "";
    $("count-switches").className = "bad";
  }
  $("only").addEventListener("change", function () { $("log").classList.toggle("only", this.checked); });
  $("mode").addEventListener("change", function () { quietly({ do: "mode", name: this.value }); });
  $("check").addEventListener("click", function () { control({ do: "check" }).then(function () { toast("验证成功 · the address proved itself"); }, function () {}); });
  $("clear").addEventListener("click", function () { control({ do: "clear" }); });

  var version = 0;
  function draw(s) {
    if (s.version < version) { location.reload(); return; } // another sandbox answers now
    version = s.version;
    start = s.start;
    drawPeople(s);
    drawWallet(s);
    drawLog(s);
    drawSwitches(s);
    drawn.forEach(function (f) { f(s); });
    if (persona === null) go(start);
    persona = s.persona;
  }
  function load() {
    return fetch("/sandbox-ui/state").then(function (r) { return r.json(); }).then(draw);
  }
  // One request at a time; what changes meanwhile is fetched once more.
  var busy = false, again = false;
  function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    load().catch(function () {}).then(function () {
      setTimeout(function () {
        busy = false;
        if (again) { again = false; refresh(); }
      }, 80);
    });
  }
  new EventSource("/sandbox-ui/stream").onmessage = refresh;
  refresh();
})();
