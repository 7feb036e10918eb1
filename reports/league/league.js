"use strict";
(() => {
  const FIRST = 60, SHOWN = 40, DECISION = 0.1; // rows at first; s
  const WORDS = ["lost", "drew", "won"], LETTERS = ["l", "d", "w"], SIDES = ["blue", "purple"];
  const one = (id) => document.getElementById(id);
  const served = document.documentElement.dataset;
  let told = null, rows = [], byPlayer = new Map(), pairs = new Map(), beside = [];
  let sorted = { key: "elo", up: false }, everyone = false, wanted = null;

  // --- the data ----------------------------------------------------------------------------------------------

  function take(found) {
    told = found;
    const names = ["rank", "tied", "name", "revision", "player", "elo", "low", "high", "games", "won", "drawn", "lost", "aiVsAi", "provisional", "state", "sameAs", "since", "typed"];
    rows = told.models.map((values, place) => ({ place, ...Object.fromEntries(names.map((name, i) => [name, values[i]])) }));
    byPlayer = new Map();
    for (const row of rows) { // the name that stands for a player: one that plays, the first of them
      const had = byPlayer.get(row.player);
      if (!had || (had.state !== "playing" && row.state === "playing") || (had.sameAs && !row.sameAs && had.state === row.state)) byPlayer.set(row.player, row);
      row.user = row.name.includes("/") ? row.name.slice(0, row.name.indexOf("/")) : "";
      row.model = row.name.slice(row.user ? row.user.length + 1 : 0);
      row.points = row.games ? (row.won + row.drawn / 2) / row.games : -1;
      row.words = `${row.name} ${row.revision} ${row.sameAs}`.toLowerCase();
    }
    const often = new Map();
    for (const row of byPlayer.values()) often.set(row.name, (often.get(row.name) ?? 0) + 1);
    for (const row of rows) row.shown = often.get(row.name) > 1 && row.revision ? `${row.name}@${row.revision.slice(0, 8)}` : row.name;
    pairs = new Map(told.pairings.a.map((a, at) => [a * told.players.length + told.pairings.b[at], at]));
    beside = told.players.map(() => []);
    told.pairings.a.forEach((a, at) => { beside[a].push(at); beside[told.pairings.b[at]].push(at); });
    const [low, high, ...ticks] = told.axis;
    told.scale = { at: (elo) => Math.round(10000 * Math.min(1, Math.max(0, (elo - low) / (high - low)))) / 100, ticks };
  }

  // --- nodes; every word of the data is text ------------------------------------------------------------------

  function node(tag, text = "", kind = "", more = {}) {
    const made = document.createElement(tag);
    if (text !== "") made.textContent = text;
    if (kind) made.className = kind;
    for (const [key, value] of Object.entries(more)) made.setAttribute(key, value);
    return made;
  }

  function put(parent, ...children) {
    parent.append(...children.filter((child) => child !== null));
    return parent;
  }

  function drawn(tag, more = {}, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(more)) made.setAttribute(key, value);
    return put(made, ...children);
  }

  const scroller = (label, table) => put(node("div", "", "scroll", { tabindex: "0", role: "region", "aria-label": label }), table);
  const head = (words, right = 0) => put(node("thead"), put(node("tr"), ...words.map((word, i) => node("th", word, right && i >= right ? "r" : "", { scope: "col" }))));
  const cell = (text, kind = "r") => node("td", text, kind);
  const line = (label, table) => scroller(label, table);

  // --- numbers ------------------------------------------------------------------------------------------------

  const sum = (counts) => counts.reduce((a, b) => a + b, 0);
  const share = ([w, d, l]) => (w + d / 2) / (w + d + l);
  const grouped = (value) => value.toLocaleString("en-GB");
  const counts = (side) => side.map(grouped).join("–");
  const percent = (part) => `${Math.round(100 * part)} %`;
  const elo = (value, sign = false) => `${sign && Math.round(value) > 0 ? "+" : ""}${Math.round(value)}`.replace("-", "−");
  const expected = (difference) => 1 / (1 + 10 ** (-difference / 400));
  const stamp = (options) => { const format = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options }); return (seconds) => format.format(1000 * seconds); };
  const minute = stamp({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const day = stamp({ day: "numeric", month: "short", year: "numeric" });
  const short = stamp({ day: "numeric", month: "short" });
  const hour = stamp({ hour: "2-digit", minute: "2-digit" });

  function shortfall(values, weights) { // trials/arena/ratings/pentanomial.py: empirical log-likelihood lost by demanding mean zero
    let [lowest, highest] = [0, 0];
    values.forEach((g, k) => { if (weights[k] > 0) [lowest, highest] = [Math.min(lowest, g), Math.max(highest, g)]; });
    if (lowest === 0 || highest === 0) return lowest === highest ? 0 : Infinity;
    let [low, high, t] = [-1 / highest, -1 / lowest, 0];
    for (let turn = 0; turn < 200; turn++) {
      let [error, slope] = [0, 0];
      values.forEach((g, k) => {
        if (weights[k] <= 0) return;
        const part = g / (1 + t * g);
        error += weights[k] * part;
        slope += weights[k] * part * part;
      });
      if (error > 0) low = t; else high = t;
      const before = t;
      t += error / slope;
      if (!(low < t && t < high)) t = (low + high) / 2;
      if (Math.abs(t - before) <= 1e-12 * Math.max(1, Math.abs(t))) break;
    }
    return Math.max(0, sum(values.map((g, k) => (weights[k] > 0 ? weights[k] * Math.log1p(t * g) : 0))));
  }

  function rated(outcomes) { // trials/arena/ratings/elo.py, from_counts: Elo and its 95 % interval from pair outcomes
    const scores = [0, 0.25, 0.5, 0.75, 1], weights = outcomes.map((count, k) => count + (k % 4 ? 0 : 0.25));
    const score = sum(weights.map((w, k) => w * scores[k])) / sum(weights), middle = 400 * Math.log10(score / (1 - score));
    const over = (away) => 2 * shortfall(scores.map((value) => value - expected(middle + away)), weights) > 3.841458820694124;
    const end = (way) => {
      let [near, far] = [0, 16];
      while (!over(way * far) && far < 40000) [near, far] = [far, 2 * far];
      for (let turn = 0; turn < 40; turn++) {
        const half = (near + far) / 2;
        if (over(way * half)) far = half; else near = half;
      }
      return middle + way * far;
    };
    return { elo: middle, low: end(-1), high: end(1) };
  }

  function met(at, player) { // a pairing from one player's side
    const p = told.pairings, turned = p.b[at] === player, column = (columns) => columns.map((values) => values[at]);
    const back = (three) => (turned ? [...three].reverse() : three);
    const sides = column(p.sides), blue = sides.slice(0, 3), purple = sides.slice(3);
    const outcomes = column(p.outcomes).map((count) => count / 2);
    return {
      at, other: turned ? p.a[at] : p.b[at], total: back(column(p.results)), known: sum(sides) > 0,
      blue: back(turned ? purple : blue), purple: back(turned ? blue : purple), // its blue is the other's purple
      goals: turned ? column(p.goals).reverse() : column(p.goals), decisions: p.decisions[at],
      outcomes: turned ? outcomes.reverse() : outcomes,
    };
  }

  function between(a, b) {
    const at = pairs.get(Math.min(a, b) * told.players.length + Math.max(a, b));
    return at === undefined ? null : met(at, a);
  }

  const key = (player) => encodeURIComponent(told.players[player]);
  const toModel = (player) => `#model=${key(player)}`;
  const toTwo = (a, b) => `#vs=${key(a)},${key(b)}`;
  const named = (player) => byPlayer.get(player) ?? { name: told.players[player], shown: told.players[player], player, elo: 1200, low: 1200, high: 1200, rank: null, revision: "", state: "", provisional: "" };

  function link(text, to, kind = "") {
    return put(node("a", "", kind, { href: to }), node("bdi", text));
  }

  // --- marks --------------------------------------------------------------------------------------------------

  function mark(row) {
    const { at } = told.scale, kind = row.provisional || row.state !== "playing" ? "tuning" : "played";
    return drawn("svg", { class: "mark", height: 22, role: "img", "aria-label": `Elo ${elo(row.elo)}, 95 % interval ${elo(row.low)} to ${elo(row.high)}` },
      drawn("line", { class: "zero", x1: `${at(1200)}%`, x2: `${at(1200)}%`, y1: 0, y2: 22 }),
      drawn("line", { class: kind, x1: `${at(row.low)}%`, x2: `${at(row.high)}%`, y1: 11, y2: 11 }),
      drawn("circle", { class: kind, cx: `${at(row.elo)}%`, cy: 11, r: 4 }));
  }

  function ruler() {
    return drawn("svg", { class: "mark ruler", height: 16, "aria-hidden": "true" }, ...told.scale.ticks.map((tick) => {
      const text = drawn("text", { x: `${told.scale.at(tick)}%`, y: 12, ...(tick === 1200 ? { class: "anchor" } : {}) });
      text.textContent = elo(tick);
      return text;
    }));
  }

  function bar(total) {
    const whole = node("span", "", "wdl", { "aria-hidden": "true" });
    ["win", "draw", "lose"].forEach((kind, i) => {
      const part = node("i", "", kind);
      part.style.flexGrow = total[i];
      if (total[i]) whole.append(part);
    });
    return whole;
  }

  function tags(row) {
    const said = [row.provisional, row.state !== "playing" ? row.state : "", row.sameAs ? `same file as ${row.sameAs}` : ""].filter(Boolean);
    return said.flatMap((word) => [" ", node("span", word, "tag")]);
  }

  const place = (row) => (row.rank === null ? "" : `${row.rank}${row.tied ? "=" : ""}`);

  // --- leaderboard --------------------------------------------------------------------------------------------

  const COLUMNS = [
    ["rank", "Rank", ""], ["model", "Model", ""], ["elo", "Elo", "r"], ["", "", "wide-mark"], ["games", "Games", "r"],
    ["points", "Won–drawn–lost", "r opt"], ["aiVsAi", "AI vs AI", "r opt"],
  ];

  function header() {
    return put(node("thead"), put(node("tr"), ...COLUMNS.map(([name, word, kind]) => {
      const th = node("th", "", kind, { scope: "col" });
      if (!name) return put(th, node("span", "95 % interval", "unseen"), ruler());
      const button = node("button", word, "", { type: "button", "data-sort": name });
      if (sorted.key === name) th.setAttribute("aria-sort", sorted.up ? "ascending" : "descending");
      button.addEventListener("click", () => {
        sorted = { key: name, up: sorted.key === name ? !sorted.up : name === "rank" || name === "model" };
        board();
        document.querySelector(`#lb [data-sort="${name}"]`).focus();
      });
      return put(th, button);
    })));
  }

  function chosen() {
    const words = one("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = rows.filter((row) => (one("gone").checked || row.state === "playing") && (one("provisional").checked || !row.provisional) && words.every((word) => row.words.includes(word)));
    const way = sorted.up ? 1 : -1;
    const value = (row) => (sorted.key === "rank" ? row.rank ?? Infinity * way : sorted.key === "model" ? row.name.toLowerCase() : row[sorted.key]);
    return kept.sort((a, b) => { const [x, y] = [value(a), value(b)]; return (x < y ? -way : x > y ? way : 0) || a.place - b.place; });
  }

  function entry(row) {
    const th = put(node("th", "", "who", { scope: "row" }), link(row.model || row.name, toModel(row.player), "what"), ...tags(row), put(node("small", "", "sub"), node("bdi", row.user), row.revision ? ` · ${row.revision.slice(0, 8)}` : ""));
    const half = (row.high - row.low) / 2, total = [row.won, row.drawn, row.lost];
    return put(node("tr"), cell(place(row), "place"), th,
      put(cell("", "r num"), node("b", elo(row.elo)), node("small", half ? ` ± ${elo(half)}` : " fixed")),
      put(cell("", "wide-mark"), mark(row)), cell(grouped(row.games)),
      put(cell("", "r opt"), put(node("span", "", "wdl-row"), node("span", counts(total)), row.games ? bar(total) : null)), cell(elo(row.aiVsAi), "r opt"));
  }

  function board() {
    const found = chosen(), shown = everyone ? found : found.slice(0, FIRST);
    one("lb").replaceChildren(node("caption", "Models, the strongest first unless sorted otherwise", "unseen"), header(), put(node("tbody"), ...shown.map(entry)));
    one("count").textContent = found.length === rows.length ? `${grouped(rows.length)} entries` : `${grouped(found.length)} of ${grouped(rows.length)} entries`;
    one("rest").hidden = shown.length === found.length;
    one("rest").textContent = `Show all ${grouped(found.length)}`;
  }

  function about() {
    one("kicker").textContent = told.kicker;
    one("headline").replaceChildren(node("bdi", told.headline));
    const anchor = told.anchor ? "The house baseline stands at 1200." : "The mean of all stands at 1200.";
    one("board-note").textContent = `${anchor} Elo from all matches at once, with its 95 % interval; who cannot be told from the first of a rank at 95 % shares it (=), and the next rank counts all above, copies of one file once. Hollow: provisional, with too few games for a rank. AI vs AI’s own Elo (K 20, match by match) stands beside it.`;
    one("names").replaceChildren(...[...byPlayer.values()].slice(0, 2000).map((row) => node("option", "", "", { value: row.shown })));
  }

  function shelf() { // recorded matches, by pairing
    const kept = [...document.querySelectorAll(".recorded")].map(({ dataset }) => [dataset.a, dataset.b].map((player) => told.players.indexOf(player))).filter(([a, b]) => a >= 0 && b >= 0);
    const list = put(node("ul", "", "shelf"), ...kept.map(([a, b]) => put(node("li"), link(`${named(a).shown} against ${named(b).shown}`, toTwo(a, b)))));
    one("shelf").replaceChildren(...(kept.length ? [node("h2", "Matches to watch"), node("p", "Matches of the history, played again from their seeds and recorded.", "note"), list] : []));
  }

  function refused() {
    if (!told.refused.length) return one("refused").replaceChildren();
    const body = put(node("tbody"), ...told.refused.map((each) => put(node("tr"), put(node("th", "", "", { scope: "row" }), node("bdi", `${each.user}${each.model ? "/" : ""}${each.model}`)), cell(each.revision.slice(0, 8), ""), cell(each.line, ""))));
    return one("refused").replaceChildren(node("h2", `Refused: ${told.refused.length}`), line("Refused models", put(node("table", "", "plain"), head(["Model", "Revision", "Why it cannot play"]), body)));
  }

  function season() {
    const { bins } = told;
    const cells = bins.all.map((count, at) => [at, 0, count, 0]);
    one("season").replaceChildren(...(told.matches ? [node("h2", `Matches by ${bins.unit}`), columns(cells, "played")] : []));
  }

  function rounds() {
    const body = put(node("tbody"), ...[...told.played].reverse().map(([number, began, seconds, models, matches, half, , notes]) => {
      const said = put(cell("", ""), ...notes.map((note) => node("div", note)));
      return put(node("tr"), node("th", number, "", { scope: "row" }), cell(minute(began)), cell(`${grouped(seconds)} s`), cell(grouped(models)), cell(grouped(matches)), cell(`± ${elo(half)}`), said);
    }));
    const table = put(node("table", "", "plain rounds"), head(["Round", "Began (UTC)", "Played", "Models", "Matches", "Median 95 %", "Notes"], 1), body);
    table.querySelector("th:last-child").className = "";
    one("rounds").replaceChildren(...(told.played.length ? [node("h2", "Rounds"), line("Rounds", table)] : []));
  }

  // --- time ---------------------------------------------------------------------------------------------------

  function columns(cells, words = "") { // stacked: won below, drawn, lost on top
    const { first, seconds, count } = told.bins, bins = Array.from({ length: count }, () => [0, 0, 0]);
    for (const [at, ...three] of cells) bins[at] = three;
    const most = Math.max(1, ...bins.map(sum)), begin = (at) => first + at * seconds;
    const bars = put(node("div", "", "met-bars"), ...bins.map((three, at) => {
      const made = node("div", "", "", { title: `${minute(begin(at))}: ${words ? `${sum(three)} ${words}` : `${three[0]} won, ${three[1]} drawn, ${three[2]} lost`}` });
      ["lose", "draw", "win"].forEach((kind, i) => {
        const part = node("i", "", kind);
        part.style.height = `${(100 * three[2 - i]) / most}%`;
        if (three[2 - i]) made.append(part);
      });
      return made;
    }));
    const gap = Math.max(1, Math.ceil(count / 8)), label = seconds < 86400 && count * seconds <= 2 * 86400 ? hour : short;
    const labels = put(node("div", "", "met-x"), ...bins.map((_, at) => node("span", at % gap ? "" : label(begin(at)))));
    const whole = put(node("div", "", "met-time", { role: "img", "aria-label": `${words ? "Matches" : "Results"} over time, at most ${most} in one column` }), bars, labels);
    return whole;
  }

  function past(players) { // rating over the rounds, one line a player, a band for the first
    const { times, elo: every, half } = told.frames;
    const lines = players.map((player) => times.map((time, at) => [time, every[player][at], half[player][at]]).filter(([, value]) => value !== null));
    if (Math.max(...lines.map((points) => points.length)) < 2) return node("p", "There is one rating so far; its way shows from the second round on.", "note");
    const ends = lines.flat().flatMap(([, value, wide]) => [value - Math.min(wide, 300), value + Math.min(wide, 300)]), [low, high] = [Math.min(...ends), Math.max(...ends)];
    const from = times[0], x = (time) => (100 * (time - from)) / Math.max(1, times.at(-1) - from), y = (value) => 100 - (100 * (value - low)) / Math.max(1, high - low);
    const path = (points) => points.map(([a, b], i) => `${i ? "L" : "M"}${x(a).toFixed(2)} ${Math.max(-5, Math.min(105, y(b))).toFixed(2)}`).join("");
    const parts = lines.flatMap((points, i) => [
      drawn("path", { class: `band c${i}`, d: `${path(points.map(([t, v, w]) => [t, v + w]))}${path([...points].reverse().map(([t, v, w]) => [t, v - w])).replace("M", "L")}Z` }),
      drawn("path", { class: `line c${i}`, d: path(points) }),
    ]);
    const svg = drawn("svg", { class: "past", viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img", "aria-label": `Elo over ${times.length} ratings: ${players.map((player, i) => `${named(player).shown} from ${elo(lines[i][0]?.[1] ?? 1200)} to ${elo(lines[i].at(-1)?.[1] ?? 1200)}`).join("; ")}` }, ...parts);
    const scale = put(node("div", "", "past-y", { "aria-hidden": "true" }), node("span", elo(high)), node("span", elo((low + high) / 2)), node("span", elo(low)));
    return put(node("div", "", "past-whole"), scale, svg, put(node("div", "", "past-x", { "aria-hidden": "true" }), node("span", minute(from)), node("span", minute(times.at(-1)))));
  }

  // --- lists --------------------------------------------------------------------------------------------------

  function partly(make, found, label, words, most = SHOWN) { // a table of the first rows, and the rest if asked
    const whole = node("div");
    const show = (all) => {
      const rest = node("button", `Show all ${grouped(found.length)} ${words}`, "noprint", { type: "button" });
      rest.addEventListener("click", () => show(true));
      whole.replaceChildren(line(label, make(all ? found : found.slice(0, most))), ...(all || found.length <= most ? [] : [rest]));
    };
    show(false);
    return whole;
  }

  function opponents(player) {
    const strong = named(player).elo;
    const all = beside[player].map((at) => met(at, player)).sort((a, b) => named(b.other).elo - named(a.other).elo);
    const make = (some) => put(node("table", "", "plain opp"), head(["Opponent", "Results", "W–D–L", "Points", "Expected", "Elo difference", "As blue", "As purple"], 2), put(node("tbody"), ...some.map((each) => {
      const row = named(each.other), direct = rated(each.outcomes);
      const th = put(node("th", "", "", { scope: "row" }), link(row.shown, toTwo(player, each.other)), " ", node("span", `Elo ${elo(row.elo)}`, "sub"));
      return put(node("tr"), th, put(cell("", "wdl-cell"), bar(each.total)), cell(counts(each.total)), put(cell(), node("b", percent(share(each.total)))), cell(percent(expected(strong - row.elo))),
        put(cell(), node("b", elo(direct.elo, true)), node("small", ` [${elo(direct.low, true)}, ${elo(direct.high, true)}]`)), cell(each.known ? counts(each.blue) : ""), cell(each.known ? counts(each.purple) : ""));
    })));
    const cut = told.pairings.all > told.pairings.a.length ? ` Of the league’s ${grouped(told.pairings.all)} pairings the ${grouped(told.pairings.a.length)} with the most matches are in this page.` : "";
    return [node("h2", `Opponents: ${grouped(all.length)}`, "met-h"), node("p", `The strongest first. Expected: the points that the leaderboard’s ratings expect; the Elo difference is from their own matches alone.${cut}`, "note"), partly(make, all, "Its opponents", "opponents")];
  }

  function newest(player, other = null) {
    const n = told.newest, found = [];
    let time = n.last;
    n.a.forEach((a, i) => {
      time -= n.ago[i];
      const b = n.b[i], first = a === player;
      if ((first || b === player) && (other === null || a === other || b === other) && found.length < n.own) found.push({ other: first ? b : a, result: first ? n.halves[i] : 2 - n.halves[i], side: n.side1[i] < 0 ? null : first ? n.side1[i] : 1 - n.side1[i], decisions: n.decisions[i], time, round: n.round[i] });
    });
    const make = (some) => put(node("table", "", "plain met-list"), head(["Opponent", "Result", "Side", "Length", "Round", "When (UTC)"], 3), put(node("tbody"), ...some.map((each) => {
      const th = put(node("th", "", "", { scope: "row" }), link(named(each.other).shown, toTwo(player, each.other)));
      return put(node("tr", "", LETTERS[each.result]), th, cell(WORDS[each.result], `mark-${LETTERS[each.result]}`), cell(each.side === null ? "" : SIDES[each.side], ""),
        cell(each.decisions > 0 ? `${(each.decisions * DECISION).toFixed(1)} s` : ""), cell(each.round > 0 ? each.round : ""), cell(minute(each.time)));
    })));
    if (!found.length) return [];
    return [node("h2", other === null ? "Its newest matches" : "Their newest matches", "met-h"), partly(make, found, "Matches", "matches", 20)];
  }

  const fact = (term, value, more = "") => put(node("div"), node("dt", term), put(node("dd", value), more ? node("small", more) : null));

  function known() { // colours of results, named once a page
    return put(node("p", "", "note"), node("i", "", "met-key win"), " won ", node("i", "", "met-key draw"), " drawn ", node("i", "", "met-key lose"), ` lost, from the bottom up, by ${told.bins.unit} (UTC). Opponents differ, so results say little of progress; the rating does.`);
  }

  // --- one model ----------------------------------------------------------------------------------------------

  const back = () => put(node("p", "", "back noprint"), node("a", "← Leaderboard", "", { href: "#" }));

  function model(player) {
    const row = named(player), total = [row.won, row.drawn, row.lost], sides = told.sides[player], [blue, purple] = [sides.slice(0, 3), sides.slice(3)];
    const others = rows.filter((each) => each.player === player && each !== row), earlier = rows.filter((each) => each.name === row.name && each.player !== player);
    const ranked = rows.filter((each) => each.rank !== null).length;
    const near = rows.filter((each) => each.player !== player && each.state === "playing" && !each.sameAs).sort((a, b) => Math.abs(a.elo - row.elo) - Math.abs(b.elo - row.elo))[0];
    const facts = put(node("dl", "", "facts"),
      fact("Rank", place(row) || "none", row.rank === null ? row.provisional || row.state : `of ${grouped(ranked)} ranked`),
      fact("Elo", elo(row.elo), row.high > row.low ? `95 % interval ${elo(row.low)} to ${elo(row.high)}` : "the anchor"),
      fact("Games", grouped(row.games), counts(total)),
      fact("Points", row.games ? percent(row.points) : "none"),
      ...(sum(sides) ? [fact("As blue", sum(blue) ? percent(share(blue)) : "none", counts(blue)), fact("As purple", sum(purple) ? percent(share(purple)) : "none", counts(purple))] : []),
      fact("AI vs AI’s Elo", elo(row.aiVsAi), "K 20, match by match"),
      ...(row.since ? [fact("Competing since", day(row.since))] : []));
    const about = [row.revision ? `revision ${row.revision.slice(0, 12)}` : "", told.players[player], others.length ? `also ${others.map((each) => each.name === row.name ? `revision ${each.revision.slice(0, 8)}` : each.name).join(", ")}` : ""].filter(Boolean);
    one("model").replaceChildren(back(), put(node("h1", "", "", { tabindex: "-1" }), node("bdi", row.name), ...tags(row)), node("p", about.join(" · "), "sub wide"), facts,
      ...(earlier.length ? [put(node("p", "Other revisions: ", "note"), ...earlier.slice(0, 20).flatMap((each, i) => [i ? ", " : "", link(`${each.revision.slice(0, 8)} (Elo ${elo(each.elo)})`, toModel(each.player))]))] : []),
      ...(near ? [put(node("p", "", "noprint"), link(`Head to head with its neighbour ${near.shown}`, toTwo(player, near.player)))] : []),
      ...(row.games ? [node("h2", "Rating", "met-h"), past([player]), node("h2", `Results by ${told.bins.unit}`, "met-h"), known(), columns(told.bins.own[player]), ...opponents(player), ...newest(player)] : [node("p", "It has not played yet.", "note")]));
  }

  // --- two of them --------------------------------------------------------------------------------------------

  function versus(a, b) {
    const [one_, two] = [named(a), named(b)], found = a === b ? null : between(a, b), difference = one_.elo - two.elo;
    const title = put(node("h1", "", "", { tabindex: "-1" }), link(one_.shown, toModel(a)), " against ", link(two.shown, toModel(b)));
    const parts = [];
    if (found) {
      const direct = rated(found.outcomes), total = sum(found.total);
      parts.push(put(node("dl", "", "facts"),
        fact("Matches", grouped(total), `${counts(found.total)} won–drawn–lost`), fact("Points", percent(share(found.total)), `the ratings expect ${percent(expected(difference))}`),
        fact("Elo difference", elo(direct.elo, true), `from these alone: 95 % interval ${elo(direct.low, true)} to ${elo(direct.high, true)}`), fact("On the leaderboard", elo(difference, true), `${elo(one_.elo)} and ${elo(two.elo)}`),
        ...(found.decisions ? [fact("Goals", found.goals.join(" : ")), fact("A match takes", `${((DECISION * found.decisions) / total).toFixed(1)} s`, "of play, on average")] : []),
        ...(found.known ? [fact("As blue", sum(found.blue) ? percent(share(found.blue)) : "none", counts(found.blue)), fact("As purple", sum(found.purple) ? percent(share(found.purple)) : "none", counts(found.purple))] : [])));
    } else parts.push(node("p", a === b ? "That is one model twice: the same file." : `They have not met. The ratings expect ${percent(expected(difference))} of the points for ${one_.shown}.`, "note"));
    one("versus").replaceChildren(back(), title, ...parts, ...watch(a, b), ...(a !== b && (one_.games || two.games) ? [node("h2", "Ratings", "met-h"), put(node("p", "", "note"), node("i", "", "line-key c0"), ` ${one_.shown}  `, node("i", "", "line-key c1"), ` ${two.shown}`), past([a, b])] : []), ...(found ? newest(a, b) : []));
  }

  function player(packed, words) {
    const made = one("player").content.firstElementChild.cloneNode(true);
    made.querySelector("script").textContent = packed;
    setTimeout(() => globalThis.openReplay(made)); // once it stands in the page
    return [made, node("p", `${words} While the player has the focus: space plays and pauses, ← → step, 1 to 4 show what a player sees.`, "note replay-help")];
  }

  function watch(a, b) {
    if (!told.watched) return [];
    const kept = [...document.querySelectorAll(".recorded")].find(({ dataset }) => [[a, b], [b, a]].some(([x, y]) => told.players[x] === dataset.a && told.players[y] === dataset.b));
    const command = `sweep watch ${named(a).typed ?? "A"} ${named(b).typed ?? "B"}`, heading = node("h2", "Watch these two", "met-h");
    const shown = kept ? player(kept.textContent.trim(), "Matches of the history, played again from their seeds.") : [];
    if (!served.watch) return [heading, ...shown, put(node("p", `${shown.length ? "Fresh matches" : "A page with their matches to look at"}${command.includes(".onnx") ? ", in the models’ folder" : ""}: `, "note"), node("code", command))];
    const stage = put(node("div", "", "stage"), ...shown), button = node("button", "Play a fresh match", "", { type: "button" }), said = node("p", "Played on the server now; it does not count.", "sub", { role: "status" });
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        const found = await fresh(a, b, (words) => { said.textContent = words; });
        said.textContent = `Played with seed ${found.seed}; it does not count.`;
        quiet(stage);
        stage.replaceChildren(...player(found.packed, "Two matches from one kick-off, sides exchanged."));
      } catch (error) {
        said.textContent = error.message;
      }
      button.disabled = false;
    });
    return [heading, put(node("div", "", "tools noprint"), button, said), stage];
  }

  const wait = (seconds) => new Promise((done) => { setTimeout(done, 1000 * seconds); });

  async function fresh(a, b, say) { // ask for a match, then for what became of it
    say("Waiting for a place on the field…");
    const asked = await fetch("api/watch", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ a: told.players[a], b: told.players[b] }) });
    const job = await asked.json();
    if (!asked.ok) throw new Error(`${job.error}${asked.headers.get("Retry-After") ? `; try again in ${asked.headers.get("Retry-After")} s` : ""}`);
    for (;;) {
      const answer = await fetch(`api/watch/${job.job}`), found = await answer.json();
      if (!answer.ok) throw new Error(found.error);
      if (found.state === "done") return found;
      say(found.state === "playing" ? "They are playing…" : `Waiting for a place on the field: ${found.ahead} before it…`);
      await wait(0.4);
    }
  }

  const quiet = (parent) => { for (const root of parent.querySelectorAll(".replay")) root.replay?.pause(); };

  // --- where one is -------------------------------------------------------------------------------------------

  function find(word) { // a player, by key, name, or the name's beginning
    const text = word.trim(), at = told.players.indexOf(text);
    if (at >= 0) return at;
    const row = rows.find((each) => each.shown === text) ?? rows.find((each) => each.name === text && each.state === "playing") ?? rows.find((each) => each.name === text) ?? rows.find((each) => text && each.words.includes(text.toLowerCase()));
    return row ? row.player : -1;
  }

  function decoded(text) {
    try { return decodeURIComponent(text); } catch { return text; }
  }

  function route(moved = true) {
    const [, kind, words = ""] = /^#(model|vs)=(.*)$/.exec(location.hash) ?? [];
    const those = kind === "vs" ? words.split(",").map(decoded) : kind ? [decoded(words)] : [], players = those.map(find);
    const lost = kind && (players.includes(-1) || (kind === "vs" && players.length !== 2));
    one("failed").hidden = !lost;
    if (lost) one("failed").textContent = `${those.join(" and ").slice(0, 160)}: not in this league. The leaderboard names everyone.`;
    const where = lost || !kind ? "board" : kind === "vs" ? "versus" : "model";
    for (const id of ["board", "model", "versus"]) {
      one(id).hidden = id !== where;
      if (id !== "board") { quiet(one(id)); one(id).replaceChildren(); }
    }
    document.title = where === "board" ? `${told.name}: league` : `${players.map((each) => named(each).shown).join(" against ")}: ${told.name}`;
    if (where === "model") model(players[0]);
    if (where === "versus") versus(...players);
    document.querySelector("body").classList.toggle("inside", where !== "board");
    if (!moved) return;
    scrollTo({ top: 0, behavior: "instant" });
    if (where !== "board") one(where).querySelector("h1").focus({ preventScroll: true });
  }

  function all() {
    about();
    board();
    shelf();
    season();
    refused();
    rounds();
  }

  // --- a league that goes on ----------------------------------------------------------------------------------

  async function follow() {
    for (;;) {
      await wait(document.hidden ? 15 : 4);
      try {
        const answer = await fetch("api/version"), { version } = await answer.json();
        if (version === served.version || version === wanted) { one("live").textContent = "Live: the page follows the league."; continue; }
        if (document.querySelector("#versus .replay")) { one("live").textContent = "The league has gone on; this page follows when you leave the match."; continue; }
        take(await (await fetch("api/page")).json());
        wanted = version;
        all();
        route(false);
        one("live").textContent = `Live: ${told.kicker}.`;
      } catch {
        one("live").textContent = "The server does not answer; what is here stays as it was.";
      }
    }
  }

  async function begin() {
    take(JSON.parse(await unpacked(one("data").textContent)));
    for (const id of ["find", "provisional", "gone"]) one(id).addEventListener("input", board);
    one("rest").addEventListener("click", () => { everyone = true; board(); });
    one("two").addEventListener("submit", (event) => {
      event.preventDefault();
      const [a, b] = ["two-a", "two-b"].map((id) => find(one(id).value));
      one("two-said").textContent = a < 0 || b < 0 ? "Name two models of the league." : "";
      if (a >= 0 && b >= 0) location.hash = toTwo(a, b);
    });
    addEventListener("hashchange", () => route());
    document.querySelector(".skip").addEventListener("click", () => { setTimeout(() => one("find").focus()); });
    all();
    route(false);
    document.documentElement.dataset.ready = "yes";
    if (served.version) follow();
  }

  begin().catch((error) => {
    one("failed").hidden = false;
    one("failed").textContent = `The page could not be built: ${error.message}`;
  });
})();
