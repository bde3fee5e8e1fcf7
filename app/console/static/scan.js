"use strict";
// A hand scanner types into whatever has the focus: the input keeps it, and is empty for the next code.
const code = document.getElementById("code");
const takeFocus = () => code.focus({ preventScroll: true });
document.getElementById("scan").addEventListener("htmx:configRequest", () => {
  code.value = "";
  takeFocus();
});
document.addEventListener("htmx:afterSwap", takeFocus);
window.addEventListener("focus", takeFocus);
// Whoever types elsewhere on the page without a field to type in means the scanner.
document.addEventListener("keydown", (event) => {
  const field = event.target.closest("input, select, textarea, button, a");
  if (!field && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) takeFocus();
});
takeFocus();
