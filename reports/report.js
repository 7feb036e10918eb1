"use strict";
(() => {
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);

  // --- ranking: sort, filter, unfold --------------------------------------------------------------------------

  const table = one("rank");
  const bodies = table ? [...table.tBodies] : [];
  const words = new Map(bodies.map((body) => [body, body.textContent.toLowerCase()]));

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
  }

  function filter() {
    const asked = one("find").value.trim().toLowerCase();
    const state = one("state").value;
    let shown = 0;
    for (const body of bodies) {
      const number = /^#?\d+$/.test(asked);
      const found = !asked || (number ? body.dataset.trial === asked.replace("#", "") : words.get(body).includes(asked));
      body.hidden = !found || (state !== "" && body.dataset.state !== state);
      shown += !body.hidden;
    }
    one("count").textContent = shown === bodies.length ? `${shown} trials` : `${shown} of ${bodies.length} trials`;
  }

  if (table) {
    all("[data-sort]", table).forEach((button) => button.addEventListener("click", () => sort(button.dataset.sort)));
    one("sort").addEventListener("change", (event) => sort(event.target.value));
    one("find").addEventListener("input", filter);
    one("state").addEventListener("change", filter);
    table.addEventListener("click", (event) => {
      const button = event.target.closest(".more");
      if (button) unfold(button, button.getAttribute("aria-expanded") !== "true");
    });
  }

  function unfold(button, open) {
    button.setAttribute("aria-expanded", open);
    one(button.getAttribute("aria-controls")).hidden = !open;
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
    button.textContent = done ? "Copied" : "Select it";
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  }
  all(".copy").forEach((button) => button.addEventListener("click", () => copy(button)));

  // --- charts -------------------------------------------------------------------------------------------------

  const MOST = 6;
  const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon"];
  let figures = {};
  let focus = [];

  function bytes(text) { // base85: five digits are four bytes
    const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";
    const value = Object.fromEntries([...digits].map((digit, place) => [digit.charCodeAt(0), place]));
    const codes = Array.from({ length: 128 }, (_, code) => value[code] ?? 0);
    const missing = (5 - (text.length % 5)) % 5;
    const whole = text + "~".repeat(missing);
    const view = new DataView(new ArrayBuffer((whole.length / 5) * 4));
    for (let i = 0, word = 0; i < whole.length; i++) {
      word = (i % 5 ? word * 85 : 0) + codes[whole.charCodeAt(i)];
      if (i % 5 === 4) view.setUint32(((i - 4) / 5) * 4, word);
    }
    return new Uint8Array(view.buffer, 0, view.byteLength - missing);
  }

  async function unpack(id) {
    const stream = new Blob([bytes(one(id).textContent)]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }

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

  function draw(place) {
    const figure = figures[place.dataset.chart];
    if (!figure || !window.Plotly) return;
    const chosen = figure.layout.meta?.focus;
    const height = figure.layout.height ?? Math.round(Math.max(280, Math.min(400, place.clientWidth * 0.62)));
    const lines = chosen ? focused(figure) : [];
    const every = figure.data[0];
    const { data, layout } = coloured({
      data: [...figure.data, ...lines.map((line) => trace(every, line))],
      layout: { ...figure.layout, annotations: [...(figure.layout.annotations ?? []), ...labels(every, lines, height)] },
    });
    layout.font.family = getComputedStyle(document.body).fontFamily;
    layout.height = height;
    layout.width = place.clientWidth;
    layout.hoverlabel = coloured({ bgcolor: "var(--raised)", bordercolor: "var(--rule)", font: { color: "var(--ink)" } });
    layout.dragmode = matchMedia("(pointer: coarse)").matches ? false : "zoom"; // a finger scrolls the page
    place.style.minHeight = "";
    Plotly.react(place, data, layout, { displaylogo: false, displayModeBar: false, responsive: false });
    if (chosen && !place.dataset.heard) {
      place.dataset.heard = "yes";
      place.on("plotly_click", ({ points }) => toggle(points[0].customdata[0]));
    }
  }

  const charts = () => all(".chart").forEach(draw);

  function show(trials) {
    focus = [...new Set(trials)].slice(0, MOST);
    const field = one("focus");
    if (field && field !== document.activeElement) field.value = focus.join(" ");
    all(".pick").forEach((box) => { box.checked = focus.includes(Number(box.value)); });
    charts();
  }

  function toggle(trial) {
    show(focus.includes(trial) ? focus.filter((other) => other !== trial) : [...focus.slice(focus.length === MOST), trial]);
  }

  async function begin() {
    figures = JSON.parse(await unpack("figures"));
    const script = document.createElement("script");
    script.textContent = await unpack("plotly");
    document.head.append(script);
    show(one("focus") ? numbers() : []);
    document.documentElement.dataset.charts = "drawn";
  }

  const numbers = () => (one("focus").value.match(/\d+/g) ?? []).map(Number);

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
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", charts);
    let waiting = 0;
    addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(charts, 120); });
    setTimeout(() => begin().catch((error) => all(".chart").forEach((place) => {
      place.textContent = `This chart could not be drawn: ${error.message}`;
    })), 0);
  }

  // --- paper --------------------------------------------------------------------------------------------------

  let closed = [];
  matchMedia("print").addEventListener("change", ({ matches }) => {
    if (matches) {
      closed = all("details:not([open])");
      closed.forEach((part) => { part.open = true; });
    } else closed.forEach((part) => { part.open = false; });
    charts();
  });
})();
