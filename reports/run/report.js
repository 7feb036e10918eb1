"use strict";
(() => {
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);

  // --- ranking: sort, filter, unfold --------------------------------------------------------------------------

  const table = one("rank");
  const bodies = table ? [...table.tBodies] : [];
  const words = new Map(bodies.map((body) => [body, body.textContent.toLowerCase()]));
  const told = new Map(); // trial → what its row unfolds to, once unpacked

  const FIRST = matchMedia("(max-width: 560px)").matches ? 10 : 30;
  let most = FIRST; // rows at first: a thousand would be most of the page's height and of its layout's time

  function compare(key, sign) {
    return (a, b) => {
      const [x, y] = [a.dataset[key], b.dataset[key]];
      if (x === "" || y === "") return (x === "") - (y === "") || a.dataset.trial - b.dataset.trial; // unknown: last
      const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
      return sign * order || a.dataset.trial - b.dataset.trial;
    };
  }

  function sort(key) {
    const head = table.querySelector(`[data-sort=${key}]`).closest("th");
    const first = ["elo", "wins", "steps", "hours", "speed"].includes(key) ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const way = head.getAttribute("aria-sort") === first ? other : first;
    all("[aria-sort]", table).forEach((th) => th.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", way);
    table.dataset.sorted = key;
    table.append(...bodies.sort(compare(key, way === "ascending" ? 1 : -1)));
    filter();
  }

  function filter() {
    const asked = one("find").value.trim().toLowerCase();
    const state = one("state").value;
    const number = /^(trial\s*|#)?(\d+)$/.exec(asked);
    const is = (body) => body.dataset.trial === number[2] || (!number[1] && // a whole number is a trial's or a value
      told.get(+body.dataset.trial)?.values.some(([, value]) => value.replaceAll(",", "") === number[2]));
    let shown = 0, fitting = 0;
    for (const body of bodies) {
      const found = !asked || (number ? is(body) : words.get(body).includes(asked));
      const fits = found && (state === "" || body.dataset.state === state);
      body.hidden = !fits || (fitting >= most && location.hash !== `#${body.id}`);
      fitting += fits;
      shown += !body.hidden;
    }
    one("count").textContent = fitting === bodies.length ? `${fitting} trials` : `${fitting} of ${bodies.length} trials`;
    one("none").hidden = fitting > 0;
    one("rest").hidden = shown === fitting;
    one("rest").textContent = `Show all ${fitting} trials`;
  }

  function reveal() { // what a link leads to is open, and where the reader is
    const target = one(decodeURIComponent(location.hash.slice(1)));
    for (const part of [target?.querySelector(":scope > details.fold"), target?.closest("details")]) if (part) part.open = true;
    target?.scrollIntoView();
  }

  if (table) {
    all("[data-sort]", table).forEach((button) => button.addEventListener("click", () => sort(button.dataset.sort)));
    one("sort").addEventListener("change", (event) => sort(event.target.value));
    one("find").addEventListener("input", filter);
    one("state").addEventListener("change", filter);
    one("rest").addEventListener("click", () => {
      const next = bodies.filter((body) => body.hidden)[0];
      most = Infinity;
      filter();
      next?.querySelector(".more").focus();
    });
    addEventListener("hashchange", () => { filter(); reveal(); });
    filter();
    table.addEventListener("click", (event) => {
      const button = event.target.closest(".more");
      if (button) unfold(button, button.getAttribute("aria-expanded") !== "true");
    });
  }

  function unfold(button, open) {
    const body = button.closest("tbody");
    const row = body.querySelector(".detail") ?? (told.has(+body.dataset.trial) ? body.appendChild(detail(body)) : null);
    if (!row) return;
    button.setAttribute("aria-controls", row.id);
    button.setAttribute("aria-expanded", open);
    row.hidden = !open;
  }

  function make(tag, settings = {}, ...inside) { // text never becomes markup
    const node = Object.assign(document.createElement(tag), settings);
    node.append(...inside);
    return node;
  }

  const block = (title, ...inside) => make("div", {}, make("h3", {}, title), ...inside);
  const list = (pairs) => make("dl", {}, ...pairs.flatMap(([key, value, short]) =>
    [make("dt", { title: key }, short ?? key), make("dd", {}, value)]));
  const row = (tag, cells) => make("tr", {}, ...cells.map((cell, place) =>
    make(tag, tag === "th" ? { scope: "col", className: "r" } : { className: "r" }, ...[cell].flat())));

  function detail(body) {
    const one = told.get(+body.dataset.trial);
    const nothing = one.course ? "The course’s configuration." : "No parameters.";
    const parts = [
      block("Values", one.values.length ? list(one.values) : make("p", { className: "sub" }, nothing)),
      block("Spent", list(one.spent), ...one.notes.map((note) => make("p", { className: "sub" }, note))),
    ];
    if (one.rungs.length) {
      const rows = one.rungs.map(([steps, elo, ends, counts]) =>
        row("td", [steps, [`${elo} `, make("span", { className: "sub" }, ends)], counts]));
      const table = make("table", { className: "plain" }, make("thead", {}, row("th", ["Steps", "Elo", "W–D–L"])),
        make("tbody", {}, ...rows));
      parts.push(block("Rungs", table, make("p", { className: "sub" }, one.sides)));
    }
    const pick = make("input", { type: "checkbox", className: "pick", value: one.trial, checked: focus.includes(one.trial) });
    parts.push(make("div", { className: "noprint" }, make("label", {}, pick, " in colour in the charts")));
    const cell = make("td", { colSpan: 12 }, make("div", { className: "cols" }, ...parts));
    return make("tr", { className: "detail", id: `more-${one.trial}` }, cell);
  }

  async function learn() {
    for (const trial of JSON.parse(await unpacked(one("details").textContent))) told.set(trial.trial, trial);
    for (const body of bodies) {
      const more = told.get(+body.dataset.trial);
      words.set(body, words.get(body) + JSON.stringify([more?.values, more?.notes]).toLowerCase());
    }
    if (table && one("find").value) filter();
    document.documentElement.dataset.details = "read";
  }

  function beside() { // the open values that differ between the trials in colour
    const trials = focus.map((trial) => told.get(trial)).filter(Boolean);
    const short = new Map(trials.flatMap((trial) => trial.values.map(([key, , name]) => [key, name])));
    const value = (trial, key) => [...trial.values, ...trial.fixed].find(([name]) => name === key)?.[1] ?? "—";
    const differ = [...short.keys()].filter((key) => new Set(trials.map((trial) => value(trial, key))).size > 1);
    one("beside").hidden = trials.length < 2;
    const head = make("tr", {}, make("th", { scope: "col" }, "Trial"), ...trials.map((trial, place) =>
      make("th", { scope: "col", className: `r c${place + 1}` }, String(trial.trial))));
    const said = (name, of) => make("tr", {}, make("th", { scope: "row", title: name }, short.get(name) ?? name),
      ...trials.map((trial) => make("td", { className: "r" }, of(trial))));
    one("beside-table").replaceChildren(make("thead", {}, head), make("tbody", {}, said("match Elo", (trial) =>
      trial.elo || "not rated"), said("state", (trial) => trial.state), ...differ.map((key) =>
      said(key, (trial) => value(trial, key)))));
  }

  // --- copy ---------------------------------------------------------------------------------------------------

  async function copy(button) {
    const text = one(button.dataset.copy).textContent;
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      getSelection().selectAllChildren(one(button.dataset.copy)); // no clipboard here: the old way
      done = document.execCommand("copy");
    }
    const word = button.firstElementChild;
    button.dataset.word ??= word.textContent;
    word.textContent = done ? "Copied" : "Select it";
    one("said").textContent = done ? "Copied" : "It could not be copied; it is selected";
    setTimeout(() => { word.textContent = button.dataset.word; one("said").textContent = ""; }, 1600);
  }
  all(".copy").forEach((button) => button.addEventListener("click", (event) => {
    event.preventDefault(); // a summary around it stays as it is
    copy(button);
  }));

  // --- charts -------------------------------------------------------------------------------------------------

  const MOST = 6;
  const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon"];
  let figures = {};
  let focus = [];

  function coloured(thing) { // a copy in which var(--role) has become its colour
    const style = getComputedStyle(document.documentElement);
    const walk = (node) => {
      if (typeof node === "string") {
        const role = /^var\((--[\w-]+)\)$/.exec(node);
        return role ? style.getPropertyValue(role[1]).trim() : node;
      }
      if (Array.isArray(node)) return node.map(walk);
      if (node && typeof node === "object") return Object.fromEntries(Object.entries(node).map(([k, v]) => [k, walk(v)]));
      return node;
    };
    return walk(thing);
  }

  function focused(figure) { // the trials in colour, drawn over the trace that holds every trial
    const every = figure.data[0];
    const aside = every.customdata[0].length === 4 ? 0.004 * Math.max(...every.x) : 0; // interval bars side by side
    return focus.map((trial, place) => ({
      place, color: `var(--c${place + 1})`, trial, shift: (place - (focus.length - 1) / 2) * aside,
      points: every.customdata.flatMap((row, i) => (row[0] === trial && every.x[i] !== null ? [i] : [])),
    })).filter((line) => line.points.length);
  }

  function trace(every, { color, place, points, shift }) {
    const bars = every.customdata[points[0]].length === 4 && {
      type: "data", symmetric: false, thickness: 1.3, width: 0, color,
      array: points.map((i) => (every.customdata[i][3] ?? every.y[i]) - every.y[i]), // an open end has no bar
      arrayminus: points.map((i) => every.y[i] - (every.customdata[i][2] ?? every.y[i])),
    };
    return {
      type: "scatter", mode: points.length <= 12 ? "lines+markers" : "lines", cliponaxis: false,
      x: points.map((i) => every.x[i] + shift), y: points.map((i) => every.y[i]),
      customdata: points.map((i) => every.customdata[i]), hovertemplate: every.hovertemplate,
      line: { color, width: 2.2 }, marker: { color, size: 7, symbol: SYMBOLS[place] },
      ...(bars && { error_y: bars }),
    };
  }

  function labels(every, lines, height) { // a trial's number at the end of its line, pushed apart where ends are close
    const heights = every.customdata.flatMap((row, i) => [every.y[i], ...row.slice(2)]).filter((y) => y != null);
    const scale = (height - 70) / 1.1 / (Math.max(...heights) - Math.min(...heights) || 1); // pixels a unit, nearly
    const near = 0.05 * Math.max(...every.x);
    const ends = lines.map((line) => ({ ...line, x: every.x[line.points.at(-1)], y: every.y[line.points.at(-1)] }));
    ends.sort((a, b) => b.y - a.y);
    const put = [];
    for (const end of ends) {
      const beside = put.filter((other) => Math.abs(other.x - end.x) < near).map((other) => other.at);
      put.push({ ...end, at: Math.max(-end.y * scale, ...beside.map((at) => at + 14)) });
    }
    return put.map(({ x, y, at, trial, color }) => ({
      x, y, text: `<b>${trial}</b>`, font: { color, size: 13 }, showarrow: false,
      xanchor: "left", xshift: 14, yshift: Math.round(-at - y * scale),
    }));
  }

  const tall = (place) => figures[place.dataset.chart]?.layout.height
    ?? Math.round(Math.max(280, Math.min(400, place.clientWidth * 0.62)));

  function smoothed(every) { // each trial's exponential mean, without its bias towards the first value
    const keep = Number(one("smooth").value);
    let mean = 0, weight = 0;
    return { ...every, y: every.y.map((value) => {
      if (value === null) [mean, weight] = [0, 0];
      else [mean, weight] = [keep * mean + (1 - keep) * value, keep * weight + 1 - keep];
      return value === null ? null : Number((mean / weight).toPrecision(5));
    }) };
  }

  function shown(name) {
    const figure = figures[name];
    if (!figure || !name.startsWith("diagnostic") || !one("smooth")) return figure;
    return { ...figure, data: [smoothed(figure.data[0]), ...figure.data.slice(1)] };
  }

  function draw(place) {
    const figure = shown(place.dataset.chart);
    if (!figure || !window.Plotly) return;
    const chosen = figure.layout.meta?.focus;
    const height = tall(place);
    const lines = chosen ? focused(figure) : [];
    const every = figure.data[0];
    const { data, layout } = coloured({
      data: [...figure.data, ...lines.map((line) => trace(every, line))],
      layout: { ...figure.layout, annotations: [...(figure.layout.annotations ?? []), ...(figure.layout.meta?.unnamed ? [] : labels(every, lines, height))] },
    });
    layout.font.family = getComputedStyle(document.body).fontFamily;
    layout.height = height;
    layout.width = Math.min(place.clientWidth, matchMedia("print").matches ? 680 : Infinity); // A4 less its margins
    layout.hoverlabel = coloured({ bgcolor: "var(--raised)", bordercolor: "var(--rule)", font: { color: "var(--ink)" } });
    layout.dragmode = matchMedia("(pointer: coarse)").matches ? false : "zoom"; // a finger scrolls the page
    place.style.minHeight = `${height}px`;
    Plotly.react(place, data, layout, { displaylogo: false, displayModeBar: false, responsive: false });
    if (chosen && !place.dataset.heard) {
      place.dataset.heard = "yes";
      place.on("plotly_click", ({ points }) => toggle(points[0].customdata[0]));
    }
  }

  const charts = () => all(".chart[data-near]").forEach(draw);

  const approach = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => {
    approach.unobserve(target); // drawn once the reader comes near: most of a long page is never read
    target.dataset.near = "yes";
    draw(target);
  }), { rootMargin: "900px" });

  function show(trials) {
    focus = [...new Set(trials)].slice(0, MOST);
    const field = one("focus");
    if (field && field !== document.activeElement) field.value = focus.join(" ");
    all(".pick").forEach((box) => { box.checked = focus.includes(Number(box.value)); });
    if (one("beside")) beside();
    charts();
  }

  function toggle(trial) {
    show(focus.includes(trial) ? focus.filter((other) => other !== trial) : [...focus.slice(focus.length === MOST), trial]);
  }

  async function begin() {
    await learned;
    figures = JSON.parse(await unpacked(one("figures").textContent));
    const script = document.createElement("script");
    script.textContent = await unpacked(one("plotly").textContent);
    document.head.append(script);
    show(one("focus") ? numbers() : []);
    all(".chart").forEach((place) => {
      place.style.minHeight = `${tall(place)}px`; // nothing moves when it is drawn
      approach.observe(place);
    });
    document.documentElement.dataset.charts = "drawn";
  }

  const help = one("focus-help")?.textContent;
  function numbers() { // of trials that there are; the others are named
    const asked = (one("focus").value.match(/\d+/g) ?? []).map(Number), unknown = asked.filter((trial) => !told.has(trial));
    one("focus-help").textContent = told.size && unknown.length ? `there is no trial ${unknown.join(", ")}` : help;
    return told.size ? asked.filter((trial) => told.has(trial)) : asked;
  }

  const learned = one("details") ? learn() : null;

  if (one("plotly")) {
    one("focus")?.addEventListener("input", () => show(numbers()));
    one("focus-form")?.addEventListener("submit", (event) => event.preventDefault());
    table?.addEventListener("change", (event) => {
      if (event.target.matches(".pick")) toggle(Number(event.target.value));
    });
    one("diagnostic")?.addEventListener("change", (event) => {
      const place = event.target.closest("figure").querySelector(".chart");
      place.dataset.chart = event.target.value;
      draw(place);
    });
    one("smooth")?.addEventListener("input", () => {
      one("smooth-said").textContent = Number(one("smooth").value).toFixed(2);
      draw(one("smooth").closest("figure").querySelector(".chart"));
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", charts);
    let waiting = 0;
    addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(charts, 120); });
    setTimeout(() => begin().catch((error) => all(".chart").forEach((place) => {
      place.textContent = `This chart could not be drawn: ${error.message}`;
      document.documentElement.dataset.charts = "failed";
    })), 0);
  }

  // --- sideways -----------------------------------------------------------------------------------------------

  function mark(place) { // where more of a table lies beyond an edge
    const left = place.scrollLeft > 2, right = place.scrollLeft + place.clientWidth < place.scrollWidth - 2;
    place.dataset.more = left && right ? "both" : left ? "left" : right ? "right" : "";
  }
  const wide = new ResizeObserver((entries) => entries.forEach(({ target }) => mark(target.closest(".scroll"))));
  all(".scroll").forEach((place) => {
    place.addEventListener("scroll", () => mark(place), { passive: true });
    wide.observe(place);
    if (place.firstElementChild) wide.observe(place.firstElementChild);
  });
  if (matchMedia("(max-width: 560px)").matches) all("[data-phone=closed]").forEach((part) => { part.open = false; });
  reveal();

  // --- paper --------------------------------------------------------------------------------------------------

  let closed = null; // the parts that paper opened; null on a screen
  function paper(on) {
    if (on === (closed !== null)) {
      charts(); // its width is known only now
      return;
    }
    if (on) {
      closed = all("details:not([open]):not(.screen)");
      closed.forEach((part) => { part.open = true; });
      all(".chart").forEach((place) => { place.dataset.near = "yes"; });
    } else {
      closed.forEach((part) => { part.open = false; });
      closed = null;
    }
    if (table) { most = on ? Infinity : FIRST; filter(); }
    charts();
  }
  // the event comes before pages are counted, the query's change after; where the one does not come the other does
  addEventListener("beforeprint", () => paper(true));
  addEventListener("afterprint", () => paper(false));
  matchMedia("print").addEventListener("change", ({ matches }) => paper(matches));
})();
