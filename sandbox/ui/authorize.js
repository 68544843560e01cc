// The server cannot see the fragment; the real page insists on it too.
if (location.hash !== "#wechat_redirect") {
  document.getElementById("fragment").hidden = false;
  document.querySelector("[data-wx=allow]").removeAttribute("href");
}
