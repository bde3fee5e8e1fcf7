"use strict";
// In a grid, arrows and Enter go from cell to cell; sideways only where the text ends, so that it can be edited.
document.addEventListener("keydown", (event) => {
  const from = event.target;
  if (!(from instanceof HTMLInputElement) || from.dataset.row === undefined) return;
  const grid = from.closest("[data-grid]");
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], Enter: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const step = steps[event.key];
  if (grid === null || step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  const whole = from.selectionStart === 0 && from.selectionEnd === from.value.length;
  if (event.key === "ArrowLeft" && !whole && from.selectionStart !== 0) return;
  if (event.key === "ArrowRight" && !whole && from.selectionEnd !== from.value.length) return;
  const row = Number(from.dataset.row) + step[0];
  const column = Number(from.dataset.column) + step[1];
  const to = grid.querySelector(`input[data-row="${row}"][data-column="${column}"]`);
  event.preventDefault();
  if (to !== null) {
    to.focus();
    to.select();
  }
});

// What was typed and not saved is not lost by leaving: the browser asks first.
const typing = document.querySelector("form[data-typing]");
if (typing !== null) {
  let typed = typing.dataset.typed !== undefined;
  typing.addEventListener("input", () => { typed = true; });
  typing.addEventListener("submit", () => { typed = false; });
  addEventListener("beforeunload", (event) => { if (typed) event.preventDefault(); });
}
