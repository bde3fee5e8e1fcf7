"use strict";
// A hand scanner types into whatever has the focus and ends with Enter: each Enter is one scan. They wait here for
// their turn, are sent one by one, and what cannot be sent stays listed, for as long as this window is open.
(() => {
  const KEPT = "leenpad-scans";
  const MOST_SECONDS = 20;
  const EARLIER = 8;
  const form = document.getElementById("scan");
  const code = document.getElementById("code");
  const result = document.getElementById("result");
  const [waiting, failed, earlier] = ["waiting", "failed", "earlier"].map((id) => document.getElementById(id));
  const template = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);
  const fill = (element, name, text) => { element.querySelector(`[data-of="${name}"]`).textContent = text; return element; };
  const takeFocus = () => code.focus({ preventScroll: true });
  const now = () => new Date().toLocaleTimeString(document.documentElement.lang, { timeZone: "Europe/Amsterdam" });
  const queue = [];
  // What was not sent when the page went away may have been heard or not: it is to be scanned again.
  const unsent = JSON.parse(sessionStorage.getItem(KEPT) || "[]");
  let sending = false;
  let last = null;

  const keep = () => {
    sessionStorage.setItem(KEPT, JSON.stringify([...unsent, ...queue]));
    waiting.hidden = queue.length < 2;
    fill(waiting, "count", String(queue.length - 1));
    failed.hidden = unsent.length === 0;
    failed.querySelector("ul").replaceChildren(...unsent.map(row));
  };

  const row = (scan) => {
    const made = fill(fill(fill(template("failed-scan"), "code", scan.code), "time", scan.time), "name", scan.name);
    const [again, remove] = made.querySelectorAll("button");
    const drop = () => unsent.splice(unsent.indexOf(scan), 1);
    again.addEventListener("click", () => { drop(); add(scan); });
    remove.addEventListener("click", () => { drop(); keep(); takeFocus(); });
    return made;
  };

  // The verdict that stands makes way at once: it is of another envelope.
  const clear = () => {
    if (last) {
      earlier.hidden = false;
      const list = earlier.querySelector("ol");
      list.prepend(fill(fill(fill(template("earlier-scan"), "time", last.time), "code", last.code), "said", last.said));
      while (list.children.length > EARLIER) list.lastElementChild.remove();
    }
    last = null;
    result.replaceChildren();
  };

  const add = (scan) => {
    clear();
    queue.push(scan);
    keep();
    takeFocus();
    send();
  };

  const send = async () => {
    if (sending) return;
    sending = true;
    while (queue.length) {
      const scan = queue[0];
      const heard = await ask(scan);
      if (heard.elsewhere) {
        location.assign(heard.elsewhere); // signed out: what waits is kept
        return;
      }
      queue.shift();
      clear();
      if (heard.page) {
        for (let at = unsent.length - 1; at >= 0; at -= 1) {
          if (unsent[at].code === scan.code && unsent[at].location === scan.location) unsent.splice(at, 1);
        }
        result.replaceChildren(...heard.page.body.childNodes);
      } else {
        unsent.push(scan);
        const shown = fill(template("not-sent"), "code", scan.code);
        fill(shown, "why", heard.why);
        result.replaceChildren(shown);
      }
      last = { code: scan.code, time: scan.time, said: result.querySelector(".big, strong")?.textContent ?? "" };
      keep();
    }
    sending = false;
  };

  const ask = async (scan) => {
    try {
      const answer = await fetch(form.dataset.to, {
        method: "POST",
        headers: { "HX-Request": "true", "X-CSRF-Token": document.body.dataset.csrf },
        body: new URLSearchParams({ code: scan.code, location: scan.location }),
        signal: AbortSignal.timeout(MOST_SECONDS * 1000),
      });
      const elsewhere = answer.headers.get("HX-Redirect");
      if (elsewhere) return { elsewhere };
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.ok) return { page };
      return { why: [...page.querySelectorAll(".wrong strong, .wrong li")].map((line) => line.textContent).join(" ") };
    } catch {
      return { why: "" };
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const typed = code.value.trim();
    code.value = "";
    takeFocus();
    if (typed) add({ code: typed, location: form.elements.location.value, name: form.dataset.name, time: now() });
  });
  window.addEventListener("focus", takeFocus);
  window.addEventListener("beforeunload", (event) => { if (queue.length) event.preventDefault(); });
  // Whoever types a letter or digit means the scanner, whatever has the focus: a button would be pressed by its Enter.
  // The space bar presses a button, for whoever has no mouse; no code begins with it.
  document.addEventListener("keydown", (event) => {
    if (event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea") || (event.key === " " && event.target.closest("button, a, summary"))) return;
    document.getElementById("forget").open = false;
    takeFocus();
  });
  // Only now is a scan heard: what came before it would have gone with the page that the form's button calls up.
  code.value = "";
  form.querySelector("button").disabled = false;
  keep();
  takeFocus();
})();
