"use strict";
// The items by day as a chart; the table below it says the same.
addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("chart");
  const { drawn, expected, underWay } = place.dataset;
  const day = new Intl.DateTimeFormat(document.body.dataset.language, { weekday: "short", day: "numeric", timeZone: "UTC" });
  const [at, riding, all] = JSON.parse(drawn);
  // As wide as its longest number, or its first digits would be off the canvas.
  const size = (_, ticks) => 24 + 8 * Math.max(4, ...(ticks || []).map((tick) => String(tick).length));
  const width = () => place.clientWidth;
  const chart = new uPlot({
    width: width(), height: 220, tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    cursor: { show: false },
    scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] } },
    axes: [{ values: (_, ticks) => ticks.map((tick) => day.format(new Date(tick * 1000))), space: 60, incrs: [86400, 172800, 604800] }, { size }],
    series: [{}, { label: expected, stroke: "#0b5394", width: 2, points: { size: 6 } }, { label: underWay, stroke: "#8a4b08", width: 2, dash: [6, 4], points: { size: 6 } }],
    legend: { live: false },
  }, [at, all, riding], place);
  addEventListener("resize", () => chart.setSize({ width: width(), height: 220 }));
});
