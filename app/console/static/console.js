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
