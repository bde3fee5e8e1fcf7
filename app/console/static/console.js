"use strict";
// What every page does: forms that htmx sends say that they come from our page.
document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRF-Token"] = document.body.dataset.csrf;
});
// What cannot simply be taken back asks first.
document.addEventListener("submit", (event) => {
  const sure = event.target.dataset.sure;
  if (sure !== undefined && !window.confirm(sure)) event.preventDefault();
});
// What htmx could not fetch is said, and no longer so once the same has been: it would leave what stood there, in silence.
(() => {
  let what = null;
  const told = (event) => {
    const box = document.getElementById("unreached");
    what = event.detail.elt;
    box.textContent = box.dataset.said;
    box.hidden = false;
  };
  ["htmx:sendError", "htmx:responseError", "htmx:timeout"].forEach((name) => document.addEventListener(name, told));
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful && (event.detail.elt === what || !what?.isConnected)) document.getElementById("unreached").hidden = true;
  });
})();
