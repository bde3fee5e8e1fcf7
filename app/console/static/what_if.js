"use strict";
// The distribution of turnaround, both sides as steps; the table below it says the same.
document.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("turnaround");
  if (!place || !window.uPlot) return;
  const { columns, now, then, hours } = place.dataset;
  const data = JSON.parse(columns);
  const steps = uPlot.paths.stepped({ align: -1 });
  // As wide as its longest number, or its first digits would be off the canvas.
  const size = (_, ticks) => 24 + 8 * Math.max(4, ...(ticks || []).map((tick) => String(tick).length));
  const width = () => Math.max(200, place.clientWidth);
  const chart = new uPlot({
    width: width(), height: 280, scales: { x: { time: false } },
    series: [{ label: hours }, { label: now, stroke: "#52606d", width: 2, dash: [6, 4], paths: steps }, { label: then, stroke: "#0b5394", width: 2, paths: steps }],
    axes: [{ label: hours }, { size }],
  }, data, place);
  window.addEventListener("resize", () => chart.setSize({ width: width(), height: 280 }));
});
