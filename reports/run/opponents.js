"use strict";
(() => {
  const ROWS = 12, WORDS = ["won", "drawn", "lost"], LETTERS = ["w", "d", "l"], DECISION = 0.1; // seconds
  const one = (id) => document.getElementById(id);
  let told = null;

  // --- nodes; every word of the data is text ------------------------------------------------------------------

  function node(tag, text = "", kind = "") {
    const made = document.createElement(tag);
    if (text !== "") made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }

  function put(parent, ...children) {
    parent.append(...children);
    return parent;
  }

  const head = (words, right = 0) => put(node("thead"), put(node("tr"), ...words.map((word, i) => {
    const th = node("th", word, right && i >= right ? "r" : "");
    th.scope = "col";
    return th;
  })));

  // --- the numbers --------------------------------------------------------------------------------------------

  const sum = (counts) => counts.reduce((a, b) => a + b, 0);
  const share = ([w, d, l]) => (w + d / 2) / (w + d + l);
  const counts = (side) => side.join("–");
  const percent = ([w, d, l]) => `${Math.round((100 * (w + d / 2)) / (w + d + l))} %`; // a half upwards, as the page does
  const elo = (value) => (value === null ? "" : String(value).replace("-", "−"));

  function cell([opponent, w, d, l, low, high, ...blue]) { // what stands in the packed data, named
    const total = [w, d, l], known = blue.length === 3;
    return {
      opponent, total, low, high,
      sides: known ? [blue, total.map((count, i) => count - blue[i])] : null,
    };
  }

  function row([trial, note, rank, strength, low, high, met, [last, codes, lengths, ago, played]]) {
    return { trial, note, rank, strength, low, high, met: met.map(cell), last, codes, lengths, ago, played };
  }

  const name = (opponent) => told.opponents[opponent][0];
  const called = ({ trial, note }) => (note ? `trial ${trial} (${note})` : `trial ${trial}`);
  const key = (each) => (each.rank === null ? called(each) : String(each.trial)); // the same when the page is read again

  // --- the matrix: a page of rows at a time -------------------------------------------------------------------

  function shown({ total, sides, low, high }, side) { // what a cell says: number, words, how far from even
    const among = side === "all" ? total : side === "gap" ? null : sides?.[side === "blue" ? 0 : 1];
    if (side === "gap") {
      if (!sides || sides.some((counted) => !sum(counted))) return null;
      const gap = share(sides[0]) - share(sides[1]);
      return { text: `${gap < 0 ? "−" : "+"}${Math.abs(Math.round(100 * gap))}`, more: sides.map(counts).join(" · "), lean: gap / 2 };
    }
    if (!among || !sum(among)) return null;
    return { text: percent(among), more: counts(among), lean: share(among) - 0.5 };
  }

  function matrix() {
    const rows = told.rows.filter((each) => each.rank !== null), side = one("met-side").value;
    const wished = Math.min(Number(one("met-from").value) || 0, rows.length - 1), from = ROWS * Math.max(0, Math.floor(wished / ROWS));
    const page = rows.slice(from, from + ROWS);
    one("met-from").value = String(from);
    const filled = new Set(page.flatMap((each) => each.met.map(({ opponent }) => opponent)));
    [...one("met").tHead.rows[0].cells].slice(1).forEach((th, opponent) => th.classList.toggle("met-none", !filled.has(opponent)));
    one("met").tBodies[0].replaceChildren(...page.map((each) => {
      const line = node("tr"), th = node("th"), button = node("button", String(each.trial), "pick-row");
      th.scope = "row";
      button.type = "button";
      button.setAttribute("aria-label", `Trial ${each.trial}: its opponents and matches`);
      button.addEventListener("click", () => { choose(each); one("met-picker").scrollIntoView({ block: "nearest" }); one("met-policy").focus(); });
      put(th, button, ...(each.note ? [" ", node("span", each.note, "tag")] : []));
      const cells = Array.from({ length: told.columns }, (_, opponent) => {
        const met = each.met.find((found) => found.opponent === opponent), said = met && shown(met, side), td = node("td", "", filled.has(opponent) ? "" : "met-none");
        if (!said) return td;
        td.className = said.lean >= 0 ? "win" : "lose";
        td.style.setProperty("--heat", `${Math.round(120 * Math.abs(said.lean))}%`);
        td.title = `95 % interval ${met.low} to ${met.high} %, ${sum(met.total)} matches`
          + (met.sides ? `; as blue ${counts(met.sides[0])}, as purple ${counts(met.sides[1])}` : "");
        return put(td, node("b", said.text), node("small", said.more));
      });
      return put(line, th, ...cells);
    }));
    one("met-range").textContent = `${from + 1} to ${from + page.length} of ${rows.length} trials`;
    if (one("met-more")) one("met-more").textContent = `Places ${one("met-range").textContent}.`;
    document.querySelector(".met-pages").hidden = rows.length <= ROWS;
    one("met-back").disabled = from === 0;
    one("met-on").disabled = from + ROWS >= rows.length;
  }

  function turn(by) {
    one("met-from").value = String(Number(one("met-from").value) + by);
    matrix();
  }

  // --- one policy ---------------------------------------------------------------------------------------------

  function bar(total) {
    const whole = node("span", "", "wdl");
    whole.setAttribute("aria-hidden", "true");
    ["win", "draw", "lose"].forEach((kind, i) => {
      const part = node("i", "", kind);
      part.style.flexGrow = total[i];
      if (total[i]) whole.append(part);
    });
    return whole;
  }

  function opponents(each) {
    const known = each.met.some(({ sides }) => sides), table = node("table", "", "plain");
    const strongest = (a, b) => (told.opponents[b.opponent][1] ?? -Infinity) - (told.opponents[a.opponent][1] ?? -Infinity) || a.opponent - b.opponent;
    const body = put(node("tbody"), ...[...each.met].sort(strongest).map((met) => {
      const th = put(node("th"), node("bdi", name(met.opponent))), strength = told.opponents[met.opponent][1];
      th.scope = "row";
      if (strength !== null) put(th, " ", node("span", `Elo ${elo(strength)}`, "sub"));
      const score = put(node("td", "", "r"), node("b", percent(met.total)), node("small", ` [${met.low}, ${met.high}]`));
      const sides = known ? [0, 1].map((side) => node("td", met.sides ? counts(met.sides[side]) : "", "r")) : [];
      return put(node("tr"), th, put(node("td", "", "wdl-cell"), bar(met.total)), node("td", counts(met.total), "r"), score, ...sides);
    }));
    const heads = head(["Opponent", "", "W–D–L", "Points", ...(known ? ["As blue", "As purple"] : [])], 2);
    heads.querySelector("th:nth-child(2)").className = "wdl-cell";
    return put(table, heads, body);
  }

  function matches(each) {
    let time = each.last;
    const when = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
    const lines = each.codes.map((code, i) => {
      time -= each.ago[i];
      const result = code % 3, side = Math.floor(code / 3) % 2, line = node("tr", "", LETTERS[result]);
      const th = put(node("th"), node("bdi", name(Math.floor(code / 6))));
      th.scope = "row";
      return put(line, th, node("td", WORDS[result], `mark-${LETTERS[result]}`), node("td", side ? "purple" : "blue"),
        node("td", `${(each.lengths[i] * DECISION).toFixed(1)} s`, "r"), node("td", when.format(1000 * (told.first + time)), "r"));
    });
    const table = put(node("table", "", "plain met-list"), head(["Opponent", "Result", "Side", "Length", "When (UTC)"], 3), put(node("tbody"), ...lines));
    one("met-matches").querySelector("summary").textContent = each.played > lines.length ? `The last ${lines.length} of ${each.played} matches, the newest first` : `All ${each.played} matches, the newest first`;
    one("met-list").replaceChildren(table);
  }

  function choose(each) { // kept in a field, for a page that is read again
    one("met-pick").value = key(each);
    pick(each);
  }

  const chosen = () => told.rows.find((each) => key(each) === one("met-pick").value) ?? told.rows[0];

  function pick(each) {
    const total = [0, 1, 2].map((i) => sum(each.met.map((met) => met.total[i])));
    one("met-policy").value = key(each);
    const rated = each.strength === null ? "" : `, Elo ${elo(each.strength)} [${elo(each.low)}, ${elo(each.high)}] on the ladder`;
    const place = each.rank === null ? "" : `, place ${each.rank} in tuning`;
    const words = `${called(each)}${place}${rated}: ${total[0]} won, ${total[1]} drawn, ${total[2]} lost of ${sum(total)}, ${percent(total)} of the points.`;
    const sides = each.met.every((met) => met.sides) ? [0, 1].map((side) => [0, 1, 2].map((i) => sum(each.met.map((met) => met.sides[side][i])))) : [];
    const apart = sides.length ? ` As blue ${counts(sides[0])}, as purple ${counts(sides[1])}.`
      : each.met.some((met) => met.sides) ? " Its sides are known against some opponents only."
      : " Its sides are unknown: no log of these matches is at hand.";
    one("met-said").textContent = words[0].toUpperCase() + words.slice(1) + apart;
    one("met-faced").replaceChildren(opponents(each));
    one("met-matches").hidden = !each.codes.length;
    if (each.codes.length) matches(each);
  }

  // --- begin --------------------------------------------------------------------------------------------------

  async function begin() {
    told = JSON.parse(await unpacked(one("met-data").textContent));
    told.rows = told.rows.map(row);
    one("met-policy").append(...told.rows.map((each) => {
      const option = node("option", called(each));
      option.value = key(each);
      return option;
    }));
    one("met-policy").addEventListener("change", () => choose(told.rows.find((each) => key(each) === one("met-policy").value)));
    one("met-pick").addEventListener("input", () => pick(chosen()));
    if (one("met")) {
      one("met-tools").hidden = false;
      one("met-more")?.classList.add("met-paper");
      one("met-side").addEventListener("change", matrix);
      one("met-from").addEventListener("input", matrix);
      one("met-back").addEventListener("click", () => turn(-ROWS));
      one("met-on").addEventListener("click", () => turn(ROWS));
      matrix();
    }
    one("met-picker").hidden = false;
    pick(chosen());
    one("opponents").dataset.ready = "yes";
  }

  if (one("met-data")) {
    new IntersectionObserver((seen, observer) => { // unpacked when somebody comes near
      if (!seen.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      begin().catch((error) => { one("opponents").append(node("p", `The tables could not be built: ${error.message}`)); });
    }, { rootMargin: "600px" }).observe(one("opponents"));
  }
})();
