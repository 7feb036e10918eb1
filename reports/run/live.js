"use strict";
(() => { // while a sweep runs: read the page again, and be where the reader was
  const one = (id) => document.getElementById(id);
  const KEY = `sweep report ${location.pathname}`;
  const seconds = Number(document.documentElement.dataset.refresh);
  const ready = () => document.documentElement.dataset.details === "read";

  function focused() { // where the keyboard is: the nearest named part of the page, and which of its elements
    const at = document.activeElement;
    const home = at === document.body ? null : at?.closest("[id]");
    return home && [home.id, home === at ? -1 : [...home.querySelectorAll(at.tagName)].indexOf(at), at.tagName];
  }

  function refocus([id, place, tag]) {
    (place < 0 ? one(id) : one(id)?.querySelectorAll(tag)[place])?.focus({ preventScroll: true });
  }

  function kept() {
    const sorted = document.querySelector("#rank [aria-sort]");
    return {
      top: scrollY, focus: focused(),
      fields: ["find", "state", "focus", "diagnostic", "smooth", "met-side", "met-pick", "met-from"].map((id) => [id, one(id)?.value]),
      all: one("rest")?.hidden === true,
      open: [...document.querySelectorAll("#rank .more[aria-expanded=true]")].map((button) => button.closest("tbody").id),
      parts: [...document.querySelectorAll("details")].map((part) => part.open),
      sort: sorted?.querySelector("[data-sort]")?.dataset.sort, way: sorted?.getAttribute("aria-sort"),
      paused: one("pause")?.getAttribute("aria-pressed") === "true",
    };
  }

  function restore(state) {
    for (const [id, value] of state.fields) {
      if (!one(id) || value === undefined || one(id).value === value) continue;
      one(id).value = value;
      one(id).dispatchEvent(new Event(one(id).tagName === "SELECT" ? "change" : "input"));
    }
    const button = state.sort && document.querySelector(`#rank [data-sort="${state.sort}"]`);
    for (let press = 0; button && press < 2 && button.closest("th").getAttribute("aria-sort") !== state.way; press++) button.click();
    if (state.all && !one("rest")?.hidden) one("rest")?.click();
    state.open.forEach((id) => one(id)?.querySelector(".more").click());
    [...document.querySelectorAll("details")].forEach((part, place) => { part.open = state.parts[place] ?? part.open; });
    if (state.paused && one("pause")) one("pause").click();
    if (state.focus) refocus(state.focus);
    scrollTo({ top: state.top, behavior: "instant" });
  }

  function stored() {
    try {
      return JSON.parse(sessionStorage.getItem(KEY));
    } catch {
      return null; // a browser that keeps nothing for files: the page begins at its top
    }
  }

  let settled = false; // a slow machine's page is not read again before the reader's place is found
  const drawing = () => one("plotly") && !document.documentElement.dataset.charts;
  const busy = () => !settled || drawing() || document.hidden || one("pause")?.getAttribute("aria-pressed") === "true"
    || /^(INPUT|SELECT)$/.test(document.activeElement?.tagName) || !getSelection().isCollapsed
    || document.documentElement.dataset.playing === "yes";

  function again() {
    if (busy()) return;
    try {
      sessionStorage.setItem(KEY, JSON.stringify(kept()));
    } catch { /* as above */ }
    location.reload();
  }

  const state = stored();
  if (state) sessionStorage.removeItem(KEY);
  const until = setInterval(() => {
    if (!ready()) return;
    clearInterval(until);
    if (state) restore(state);
    settled = true;
  }, 30);
  if (!seconds) return;
  one("pause").addEventListener("click", () => {
    const paused = one("pause").getAttribute("aria-pressed") !== "true";
    one("pause").setAttribute("aria-pressed", paused);
    one("pause").textContent = paused ? "Go on" : "Pause";
  });
  setInterval(again, 1000 * seconds);
})();
