"use strict";
// The button that prints the run sheet.
document.getElementById("print").addEventListener("click", () => window.print());
