"use strict";
// The map: one document, drawn on a canvas; what is chosen and filtered stands in the address, to be shared.
(() => {
  const BOUNDS = [[50.749911, 3.359351], [53.558092, 7.228513]]; // the box that the outline fills
  const CREDIT = "Provinces: @svg-maps/netherlands, CC BY 4.0";
  const LISTED = 100;
  const FILTERS = ["poi", "operator", "province", "weekday", "system"];
  const LINES = {
    round: { weight: 1.5, opacity: 0.65 },
    line_haul: { weight: 3, dashArray: "8 5", opacity: 0.85 },
    ferry: { weight: 2, dashArray: "1 5", opacity: 0.9 },
  };
  const HUES = ["#1b6e3c", "#0b5394", "#8a4b08", "#7a1f6b", "#146b74", "#5a4fcf", "#9b1c1c", "#4d5b1f", "#2f4858", "#a0522d"];

  const box = document.getElementById("map");
  if (!box) return;
  const root = document.body.dataset.root;
  const said = JSON.parse(box.dataset.said);
  const way = JSON.parse(box.dataset.way);
  const form = document.getElementById("map-filters");
  const search = document.getElementById("map-search");
  const lists = { locations: document.getElementById("map-locations"), routes: document.getElementById("map-routes") };
  const panel = document.getElementById("map-panel");
  const state = new URLSearchParams(location.search);
  let held, byId, byName, map, markers, lines, chosen;

  const say = (word, places = {}) => said[word].replace(/\{(\w+)\}/g, (_, name) => places[name]);
  const element = (name, text, attributes = {}) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    return made;
  };

  // A hub is a square, so that it is told apart without its colour.
  const Square = L.CircleMarker.extend({
    _updatePath() {
      const renderer = this._renderer;
      if (!renderer._drawing || this._empty()) return;
      const context = renderer._ctx, size = this._radius;
      context.beginPath();
      context.rect(this._point.x - size, this._point.y - size, 2 * size, 2 * size);
      renderer._fillStroke(context, this);
    },
  });

  const started = fetch(box.dataset.source).then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)));
  const outlined = fetch(box.dataset.provinces).then((answer) => answer.text());

  const drawMap = () => {
    map = L.map(box, { preferCanvas: true, minZoom: 6, maxZoom: 15, zoomSnap: 0.25, maxBounds: L.latLngBounds(BOUNDS).pad(0.5) });
    map.attributionControl.setPrefix(false).addAttribution(CREDIT);
    map.fitBounds(BOUNDS);
  };

  const drawProvinces = (text) => {
    const outline = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    outline.removeAttribute("aria-label");
    outline.setAttribute("aria-hidden", "true");
    outline.setAttribute("preserveAspectRatio", "none");
    outline.classList.add("map-provinces");
    outline.querySelectorAll("path").forEach((path) => ["id", "name"].forEach((name) => path.removeAttribute(name)));
    L.svgOverlay(document.importNode(outline, true), BOUNDS, { pane: "tilePane" }).addTo(map);
  };

  const placed = (at) => held.locations[at].lat !== null && held.locations[at].lon !== null;
  const point = (at) => [held.locations[at].lat, held.locations[at].lon];

  const prepare = () => {
    byId = new Map(held.locations.map((place, at) => [place.id, at]));
    const order = new Intl.Collator(document.documentElement.lang).compare;
    byName = [...held.locations.keys()].sort((a, b) => order(held.locations[a].name, held.locations[b].name));
    held.locations.forEach((place) => {
      place.sought = `${place.name} ${place.id}`.toLocaleLowerCase();
      place.days = Array(7).fill(false);
      place.operators = new Set();
    });
    held.routes.forEach((route) => route.patterns.forEach((pattern) => {
      pattern.places = new Set(pattern.stops);
      pattern.places.forEach((at) => {
        pattern.weekdays.forEach((runs, day) => { if (runs) held.locations[at].days[day] = true; });
        held.locations[at].operators.add(route.operator);
      });
    }));
    fill("poi", held.pois.map((poi) => [poi.code, poi.name]));
    fill("operator", held.operators.map((operator, at) => [String(at), operator.name]));
    fill("province", held.provinces.map((province) => [province.code, province.name]));
    fill("system", held.systems.map((system) => [system, system]));
  };

  const fill = (name, options) => form.elements[name].append(...options.map(([value, text]) => element("option", text, { value })));

  const drawThings = () => {
    lines = L.featureGroup().addTo(map);
    markers = L.featureGroup().addTo(map);
    held.routes.forEach((route, at) => {
      route.layers = route.patterns.map((pattern) => {
        const line = L.polyline(pattern.stops.filter(placed).map(point), { ...LINES[route.kind], color: HUES[route.operator % HUES.length] });
        line.route = at;
        return line;
      });
    });
    held.locations.forEach((place, at) => {
      if (!placed(at)) return;
      const hub = place.kind === "hub";
      const look = { radius: hub ? 6 : radius(), weight: hub ? 2 : 1, color: "#1c2430", fillColor: hub ? "#f2a900" : "#0b5394", fillOpacity: place.served ? 0.9 : 0 };
      place.layer = hub ? new Square(point(at), look) : L.circleMarker(point(at), look);
      place.layer.place = at;
    });
    // Elements, not strings: of a string Leaflet makes HTML, and the names are what imports brought.
    markers.bindTooltip((layer) => element("span", `${held.locations[layer.place].name} · ${held.locations[layer.place].id}`));
    lines.bindTooltip((layer) => element("span", routeName(held.routes[layer.route])), { sticky: true });
    map.on("zoomend", () => held.locations.forEach((place) => { if (place.layer && place.kind !== "hub") place.layer.setRadius(radius()); }));
    markers.on("click", (event) => chooseLocation(held.locations[event.layer.place].id));
    lines.on("click", (event) => chooseRoute(held.routes[event.layer.route].id));
  };

  // Seen as a whole, the country is full.
  const radius = () => (map.getZoom() < 8.5 ? 2.2 : 4.5);
  const routeName = (route) => [kindName(route.kind), route.short_name || route.id, route.long_name].filter(Boolean).join(" ");
  const kindName = (kind) => say(kind === "round" ? "route" : kind);

  // --- filters and lists ---------------------------------------------------------------------------

  const asked = () => Object.fromEntries(FILTERS.map((name) => [name, form.elements[name].value]));

  const fits = (place, wanted) =>
    (!wanted.poi || place.poi === wanted.poi) && (!wanted.province || place.province === wanted.province) &&
    (!wanted.system || place.system === wanted.system) && (!wanted.operator || place.operators.has(Number(wanted.operator))) &&
    (!wanted.weekday || place.days[Number(wanted.weekday)]);

  const drives = (route, pattern, wanted, shown) =>
    (!wanted.operator || route.operator === Number(wanted.operator)) && (!wanted.weekday || pattern.weekdays[Number(wanted.weekday)]) &&
    (!(wanted.poi || wanted.province || wanted.system) || pattern.stops.some((at) => shown.has(at)));

  const apply = () => {
    const wanted = asked();
    const shown = new Set();
    held.locations.forEach((place, at) => { if (fits(place, wanted)) shown.add(at); });
    const driven = [];
    lines.clearLayers();
    held.routes.forEach((route) => {
      const kept = route.patterns.map((pattern) => drives(route, pattern, wanted, shown));
      kept.forEach((keep, at) => { if (keep) lines.addLayer(route.layers[at]); });
      if (kept.some(Boolean)) driven.push(route);
    });
    markers.clearLayers();
    // Hubs last: the canvas draws in this order, and nothing may lie on a hub.
    const [hubs, others] = [[], []];
    shown.forEach((at) => (held.locations[at].kind === "hub" ? hubs : others).push(held.locations[at].layer));
    [...others, ...hubs].forEach((layer) => { if (layer) markers.addLayer(layer); });
    list(byName.filter((at) => shown.has(at)).map((at) => held.locations[at]), driven);
    FILTERS.forEach((name) => keep(name, wanted[name]));
  };

  const list = (places, driven) => {
    const sought = search.value.trim().toLocaleLowerCase();
    const found = sought ? places.filter((place) => place.sought.includes(sought)) : places;
    show(lists.locations, found, (place) => [place.name, `${place.kind === "hub" ? `${say("hub")} · ` : ""}${place.id}`, { "data-location": place.id }]);
    show(lists.routes, driven, (route) => [routeName(route), held.operators[route.operator].name, { "data-route": route.id }]);
    document.getElementById("map-count").textContent = say("count", { count: found.length });
    document.getElementById("map-routes-count").textContent = say("routes_count", { count: driven.length });
    keep("q", search.value.trim());
  };

  const show = (where, things, described) => {
    const rows = things.slice(0, LISTED).map((thing) => {
      const [name, under, data] = described(thing);
      const button = element("button", name, { type: "button", class: "plain", ...data });
      button.append(element("span", under, { class: "soft" }));
      const row = element("li");
      row.append(button);
      return row;
    });
    if (things.length > LISTED) rows.push(element("li", say("more", { count: things.length - LISTED }), { class: "soft" }));
    where.replaceChildren(...rows);
  };

  const keep = (name, value) => {
    if (value) state.set(name, value); else state.delete(name);
    const text = state.toString();
    history.replaceState(null, "", text ? `?${text}` : location.pathname);
  };

  // --- choosing ------------------------------------------------------------------------------------

  const mark = () => {
    document.querySelectorAll(".map-lists button[aria-current]").forEach((button) => button.removeAttribute("aria-current"));
    if (chosen) map.removeLayer(chosen);
    chosen = null;
  };

  const load = (address) => htmx.ajax("GET", `${root}/console/map/${address}`, { target: "#map-panel", swap: "innerHTML" }).catch(() => {}); // every page says it

  const chooseLocation = (id) => {
    const at = byId.get(id);
    if (at === undefined) return;
    mark();
    if (placed(at)) {
      chosen = L.circleMarker(point(at), { radius: 12, weight: 3, color: "#9b1c1c", fill: false, interactive: false }).addTo(map);
      if (!map.getBounds().contains(point(at))) map.panTo(point(at), { animate: false });
    }
    keep("route", "");
    keep("location", id);
    load(`location?id=${encodeURIComponent(id)}`);
  };

  const chooseRoute = (id) => {
    const route = held.routes.find((each) => each.id === id);
    if (!route) return;
    mark();
    const points = route.patterns.map((pattern) => pattern.stops.filter(placed).map(point));
    chosen = L.polyline(points, { weight: 6, color: "#9b1c1c", opacity: 0.75, interactive: false }).addTo(map);
    keep("location", "");
    keep("route", id);
    load(`route?version=${encodeURIComponent(held.version)}&id=${encodeURIComponent(id)}`);
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-location], [data-route]");
    if (!button || !held) return;
    if (button.dataset.location) chooseLocation(button.dataset.location); else chooseRoute(button.dataset.route);
  });
  panel.addEventListener("htmx:afterSwap", () => panel.querySelector("h2, .wrong")?.focus({ preventScroll: false }));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => apply());
  search.addEventListener("input", () => apply());
  search.addEventListener("keydown", (event) => {
    const first = lists.locations.querySelector("button");
    if (!first || (event.key !== "ArrowDown" && event.key !== "Enter")) return;
    event.preventDefault();
    if (event.key === "Enter") first.click(); else first.focus();
  });
  Object.values(lists).forEach((rows) => rows.addEventListener("keydown", (event) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = event.target.closest("li")?.[step]?.querySelector("button");
    if (next) next.focus(); else if (event.key === "ArrowUp") search.focus();
  }));

  // --- the way of an item --------------------------------------------------------------------------

  // A ride follows the stops of its route where the map knows them.
  const along = (leg) => {
    const ends = [byId.get(leg.from_location), byId.get(leg.to_location)];
    const route = held.routes.find((each) => each.id === leg.route_id);
    for (const pattern of route ? route.patterns : []) {
      const from = pattern.stops.indexOf(ends[0]);
      const to = pattern.stops.indexOf(ends[1], from + 1);
      if (from >= 0 && to >= 0) return pattern.stops.slice(from, to + 1).filter(placed).map(point);
    }
    return ends.filter((at) => at !== undefined && placed(at)).map(point);
  };

  const drawWay = () => {
    const drawn = L.featureGroup();
    way.parts.forEach((part) => part.legs.forEach((leg) => {
      const back = part.what === "back";
      drawn.addLayer(L.polyline(along(leg), { weight: 6, color: back ? "#7a1f6b" : "#111827", dashArray: back ? "10 8" : null, opacity: 0.85, interactive: false }));
    }));
    const now = way.now && (way.now.leg ? along(way.now.leg) : along({ from_location: way.now.location, to_location: way.now.location }));
    if (now && now.length) {
      const [before, after] = [now[Math.floor((now.length - 1) / 2)], now[Math.ceil((now.length - 1) / 2)]];
      const where = [(before[0] + after[0]) / 2, (before[1] + after[1]) / 2];
      const word = way.now.leg ? "now_riding" : way.now.state === "unknown" ? "now_unknown" : "now_here";
      drawn.addLayer(L.circleMarker(where, { radius: 11, weight: 4, color: "#9b1c1c", fillColor: "#fff", fillOpacity: 1, interactive: false }).bindTooltip(element("span", say(word)), { permanent: true, direction: "right" }));
    }
    drawn.addTo(map);
    if (drawn.getBounds().isValid()) map.fitBounds(drawn.getBounds().pad(0.2), { animate: false, maxZoom: 11 });
  };

  const begin = async () => {
    drawMap();
    const outline = outlined.then(drawProvinces);
    held = await started;
    prepare();
    FILTERS.forEach((name) => { form.elements[name].value = state.get(name) || ""; });
    search.value = state.get("q") || "";
    drawThings();
    apply();
    if (way) drawWay();
    await outline;
    requestAnimationFrame(() => { box.dataset.ready = String(Math.round(performance.now())); });
    if (state.get("location")) chooseLocation(state.get("location"));
    else if (state.get("route")) chooseRoute(state.get("route"));
  };

  begin().catch((fault) => {
    panel.replaceChildren(element("p", say("failed"), { class: "wrong", role: "alert" }));
    console.error(fault);
  });
})();
