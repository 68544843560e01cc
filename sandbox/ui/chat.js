// The chat with the official account, its menu, and scanning.
(function () {
  "use strict";
  var phone = window.phone, $ = phone.$, el = phone.el, control = phone.control;
  var state = null, typing = false, last = 0, persona = "", menuKey = "";

  // A text may hold links: <a href="…">…</a>, or an address in the open.
  var links = /<a\s[^>]*?href\s*=\s*["']([^"']*)["'][^>]*>([\s\S]*?)<\/a>|(https?:\/\/[^\s<>"，。；！？、）]+)/gi;
  function rich(text) {
    var parts = [], at = 0;
    text.replace(links, function (whole, href, label, bare, offset) {
      parts.push(text.slice(at, offset));
      at = offset + whole.length;
      var address = (href || bare || "").replace(/&amp;/g, "&");
      if (/^https?:\/\//i.test(address)) parts.push(link(address, label || bare));
      else parts.push(label || whole);
      return whole;
    });
    parts.push(text.slice(at));
    return parts;
  }
  function link(address, content) {
    var a = el("a", { href: address }, content);
    a.addEventListener("click", function (e) { e.preventDefault(); phone.open(address); });
    return a;
  }
  function bubble(b, s) {
    if (b.from === "system") return el("p", { class: "bubble system", "data-from": "system", "data-kind": b.kind }, b.text);
    var body;
    if (b.kind === "news") {
      var inner = [el("b", {}, b.title)];
      if (b.image) inner.push(el("img", { src: b.image, alt: "" }));
      if (b.text) inner.push(el("span", {}, b.text));
      body = link(b.link, inner);
    } else if (b.kind === "image") body = el("img", { src: b.image, alt: "图片 picture" });
    else body = el("span", {}, rich(b.text));
    var face = b.from === "me" ? el("img", { class: "who", src: "/mmopen/" + s.persona + "/64", alt: "" }) : el("div", { class: "badge", "aria-hidden": "true" });
    return el("div", { class: "row " + b.from }, [face, el("div", { class: "bubble", "data-from": b.from, "data-kind": b.kind }, body)]);
  }
  function drawBubbles(s) {
    var box = $("bubbles");
    if (persona !== s.persona || !s.chat.bubbles.length) {
      persona = s.persona;
      last = 0;
      box.replaceChildren();
    }
    var fresh = s.chat.bubbles.filter(function (b) { return b.id > last; });
    fresh.forEach(function (b) { last = b.id; box.append(bubble(b, s)); });
    while (box.children.length > 100) box.firstChild.remove();
    if (fresh.length) {
      box.scrollTop = box.scrollHeight;
      box.querySelectorAll("img").forEach(function (i) { i.addEventListener("load", function () { box.scrollTop = box.scrollHeight; }, { once: true }); });
    }
  }

  function press(path) {
    control({ do: "press", name: path }).then(function (text) { if (text) phone.open(JSON.parse(text).open); });
  }
  function choice(b, path) {
    var e = el("button", { type: "button", "data-chat": "menu", "data-path": path }, b.name);
    e.addEventListener("click", function () { fold(); press(path); });
    return e;
  }
  function fold(except) {
    document.querySelectorAll("#menubar [aria-expanded]").forEach(function (b) {
      if (b === except) return;
      b.setAttribute("aria-expanded", "false");
      b.nextElementSibling.hidden = true;
    });
  }
  function drawMenu(s) {
    var key = JSON.stringify(s.chat.menu);
    if (key === menuKey) return;
    menuKey = key;
    typing = false;
    $("menubar").replaceChildren.apply($("menubar"), s.chat.menu.map(function (b, i) {
      if (!b.sub_button.length) return el("div", {}, choice(b, String(i)));
      var list = el("div", { class: "submenu", hidden: "" }, b.sub_button.map(function (x, j) { return choice(x, i + "." + j); }));
      var top = el("button", { type: "button", "data-chat": "submenu", "data-path": i, "aria-expanded": "false" }, "≡ " + b.name);
      top.addEventListener("click", function () {
        fold(top);
        list.hidden = !list.hidden;
        top.setAttribute("aria-expanded", !list.hidden);
      });
      return el("div", {}, [top, list]);
    }));
  }
  function layout() {
    var has = state.chat.menu.length > 0;
    document.querySelector("[data-chat=flip]").hidden = !has;
    $("menubar").hidden = !has || typing;
    $("chat-form").hidden = has && !typing;
  }
  document.addEventListener("click", function (e) { if (!e.target.closest("#menubar")) fold(); });
  document.addEventListener("keydown", function (e) { if (e.key === "Escape") fold(); });

  var doing = {
    follow: function () { control({ do: "follow" }); },
    unfollow: function () { control({ do: "unfollow" }); },
    picture: function () { control({ do: "picture" }); },
    flip: function () {
      typing = !typing;
      layout();
      if (typing) $("chat-text").focus();
    },
    scan: function () {
      phone.ask("扫一扫 · scan", state.chat.scenes.map(function (x) {
        var b = el("button", { type: "button", "data-scan": x.ticket }, [el("b", {}, x.scene), el("small", {}, (x.over ? "已过期" : x.forever ? "永久" : "临时") + " · 扫过 " + x.scans + " 次")]);
        b.disabled = x.over;
        b.addEventListener("click", function () {
          document.querySelector("[data-show=chat]").click();
          control({ do: "scan", code: x.ticket });
        });
        return b;
      }), "还没有带参二维码，先在后台生成一个 · no codes yet");
    }
  };
  document.addEventListener("click", function (e) {
    var b = e.target.closest("[data-chat]");
    if (b && doing[b.dataset.chat]) doing[b.dataset.chat]();
  });
  $("chat-form").addEventListener("submit", function (e) {
    e.preventDefault();
    var text = $("chat-text").value.trim();
    if (!text) return;
    $("chat-text").value = "";
    control({ do: "say", text: text });
  });

  phone.onDraw(function (s) {
    state = s;
    var c = s.chat, outside = s.kind === "pc";
    $("chat-name").textContent = $("profile-name").textContent = c.name;
    document.querySelector("[data-chat=unfollow]").hidden = !c.following;
    $("profile").hidden = c.following;
    document.querySelector("[data-chat=follow]").disabled = outside;
    $("bubbles").hidden = !c.following && !c.bubbles.length;
    $("chat-foot").hidden = !c.following;
    drawBubbles(s);
    drawMenu(s);
    layout();
    var open = phone.shown() === "chat";
    $("unread").textContent = open ? "" : c.unread || "";
    if (open && c.unread) control({ do: "read" });
  });
})();
