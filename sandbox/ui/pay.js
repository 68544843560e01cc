// The payments of the phone page: orders with their state, newest first.
(function () {
  "use strict";
  var p = window.phone, el = p.el, small = p.small;
  var states = {
    NOTPAY: ["未支付", "not paid"], SUCCESS: ["已支付", "paid"], REFUND: ["转入退款", "refunded"], CLOSED: ["已关闭", "closed"],
    PROCESSING: ["退款中", "in process"], ABNORMAL: ["退款异常", "abnormal"],
  };
  function yuan(fen) { return "¥" + (fen / 100).toFixed(2); }
  function state(name, refund) {
    var text = refund && name === "SUCCESS" ? ["已退款", "refunded"] : states[name] || [name, ""];
    return el("span", { class: "state", "data-state": refund ? "REFUND" : name }, [text[0] + " ", small(text[1])]);
  }
  function order(o) {
    var head = el("div", { class: "line" }, [el("b", {}, o.title), el("strong", {}, yuan(o.total))]);
    var foot = el("div", { class: "line" }, [el("time", {}, new Date(o.at).toLocaleTimeString("zh-CN", { hour12: false }) + " " + o.name), state(o.state)]);
    var li = el("li", { "data-order": o.no, "data-state": o.state }, [head, el("code", {}, o.no + " · v" + o.version), foot]);
    if (o.transaction) {
      var again = el("button", { type: "button", class: "again", "aria-label": "重发通知 notify again " + o.no }, "重发通知");
      again.addEventListener("click", function () { p.control({ do: "notify", code: o.no }); });
      foot.append(again);
    }
    o.refunds.forEach(function (r) {
      li.append(el("div", { class: "line refund" }, [el("code", {}, r.no), state(r.status, r.status === "SUCCESS"), el("strong", {}, "−" + yuan(r.amount))]));
    });
    return li;
  }
  p.onDraw(function (s) {
    p.$("tab-pay").hidden = !s.merchant;
    p.$("merchant").textContent = s.merchant;
    var box = p.$("orders"), key = JSON.stringify(s.orders);
    if (box.dataset.key === key) return;
    box.dataset.key = key;
    p.$("count-pay").textContent = s.orders.length || "";
    box.replaceChildren.apply(box, s.orders.length ? s.orders.map(order) : [el("li", { class: "none" }, ["还没有订单", small("No orders yet")])]);
  });
})();
