"use strict";
// The trips of the day are asked for again while somebody can see them, and at once when they are looked at again.
const SECONDS = 15;
const trips = document.getElementById("trips");

function refresh() {
  if (document.visibilityState === "visible") htmx.trigger(trips, "refresh");
}

setInterval(refresh, 1000 * SECONDS);
document.addEventListener("visibilitychange", refresh);
