"use strict";
(() => {
  const BLUE_SCORED = 1, PURPLE_SCORED = 2, TEAMS = ["blue", "purple"];
  const WALLS = 6; // the first so many boxes of the ring; the rest are nets
  const FLASH = 14, TRAIL = 20; // frames
  const RAD = Math.PI / 180;
  const person = (agent) => `${TEAMS[agent >> 1]} ${(agent & 1) + 1}`;
  const capital = (text) => text[0].toUpperCase() + text.slice(1);

  // --- the recording ------------------------------------------------------------------------------------------

  async function unpack(text) {
    const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    let at = 4 + new DataView(bytes.buffer).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, at)));
    for (const match of head.matches) {
      const size = 14 * match.frames;
      match.table = columns(bytes.subarray(at, at + size), bytes.subarray(at + size, at + 2 * size), match.frames);
      at += 2 * size;
      match.actions = bytes.subarray(at, at += 4 * match.decisions);
    }
    return head;
  }

  function columns(low, high, frames) { // second differences, modulo 2**16, in zigzag
    const table = new Int16Array(low.length);
    for (let i = 0, step = 0, value = 0; i < low.length; i++) {
      if (i % frames === 0) step = value = 0;
      const zigzag = low[i] | (high[i] << 8);
      step = ((step + ((zigzag >>> 1) ^ -(zigzag & 1))) << 16) >> 16;
      value = ((value + step) << 16) >> 16;
      table[i] = value;
    }
    return table;
  }

  function state(match, field, frame) { // everybody at a frame, or between two
    const first = Math.min(Math.floor(frame), match.frames - 1), next = Math.min(first + 1, match.frames - 1);
    const part = frame - first;
    const place = (column) => {
      const [from, to] = [match.table[column * match.frames + first], match.table[column * match.frames + next]];
      return (from + part * (to - from)) / field.perMetre;
    };
    const heading = (column) => {
      const from = match.table[column * match.frames + first] / field.perDegree;
      const turn = match.table[column * match.frames + next] / field.perDegree - from;
      return (from + part * (turn - 360 * Math.round(turn / 360))) * RAD;
    };
    return {
      ball: { x: place(0), z: place(1) },
      agents: [2, 5, 8, 11].map((column) => ({ x: place(column), z: place(column + 1), yaw: heading(column + 2) })),
    };
  }

  // --- rays: a sphere flies level from the player until it touches something ----------------------------------

  function toBox(box, x, z, dx, dz, radius, slack) { // distance to a box, Infinity where it is missed or touched already
    const [atX, atZ, sizeX, sizeZ, yaw] = box;
    const c = Math.cos(yaw * RAD), s = Math.sin(yaw * RAD), hx = sizeX / 2, hz = sizeZ / 2;
    const px = c * (x - atX) - s * (z - atZ), pz = s * (x - atX) + c * (z - atZ);
    const ux = c * dx - s * dz, uz = s * dx + c * dz;
    if (Math.hypot(Math.max(Math.abs(px) - hx, 0), Math.max(Math.abs(pz) - hz, 0)) <= radius + slack) return Infinity;
    const slab = (p, u, half) => {
      if (u === 0) return Math.abs(p) > half ? [Infinity, -Infinity] : [-Infinity, Infinity];
      return [(-half * Math.sign(u) - p) / u, (half * Math.sign(u) - p) / u];
    };
    const [inX, outX] = slab(px, ux, hx + radius), [inZ, outZ] = slab(pz, uz, hz + radius);
    const enter = Math.max(inX, inZ);
    if (enter > Math.min(outX, outZ) || Math.min(outX, outZ) < 0) return Infinity;
    const qx = px + Math.max(enter, 0) * ux, qz = pz + Math.max(enter, 0) * uz;
    if (Math.abs(qx) > hx && Math.abs(qz) > hz) return toDisc(px - Math.sign(qx) * hx, pz - Math.sign(qz) * hz, ux, uz, radius ** 2);
    return enter < 0 ? Infinity : enter; // below 0: within the grown box, moving away from its corner
  }

  function toDisc(px, pz, ux, uz, square) { // distance from (px, pz) to a disc round the origin
    const beyond = px * px + pz * pz - square, b = -(px * ux + pz * uz), under = b * b - beyond;
    return beyond <= 0 || b <= 0 || under < 0 ? Infinity : b - Math.sqrt(under);
  }

  function look(field, now, agent) { // what a player's rays hit: {dx, dz, distance, what}, in the sensors' order
    const [length, radius, rise] = field.ray, slack = 1 / field.perMetre;
    const { x, z, yaw } = now.agents[agent];
    const bodies = now.agents.map((body, i) => ({ ...body, what: TEAMS[i >> 1], square: (field.agent + radius) ** 2 - rise ** 2 }));
    const others = [...bodies.filter((_, i) => i !== agent), { ...now.ball, what: "ball", square: (field.ball + radius) ** 2 - rise ** 2 }];
    return field.angles.map((angle) => {
      const right = Math.cos(angle * RAD), ahead = Math.sin(angle * RAD);
      const dx = right * Math.cos(yaw) + ahead * Math.sin(yaw), dz = ahead * Math.cos(yaw) - right * Math.sin(yaw);
      let distance = length, what = "none";
      const nearer = (at, thing) => { if (at < distance) [distance, what] = [at, thing]; };
      for (const box of field.ring) nearer(toBox(box, x, z, dx, dz, radius, slack), ["wall", ...TEAMS][box[5]]);
      for (const body of others) nearer(toDisc(x - body.x, z - body.z, dx, dz, body.square), body.what);
      return { dx, dz, distance, what };
    });
  }

  // --- the field ----------------------------------------------------------------------------------------------

  function corners([x, z, sizeX, sizeZ, yaw], grow = 0) {
    const c = Math.cos(yaw * RAD), s = Math.sin(yaw * RAD), hx = sizeX / 2 + grow, hz = sizeZ / 2 + grow;
    return [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([i, k]) => [x + i * hx * c + k * hz * s, z - i * hx * s + k * hz * c]);
  }

  function within(polygon, [nx, nz, most]) { // the part of a polygon where nx x + nz z <= most
    return polygon.flatMap((p, i) => {
      const q = polygon[(i + 1) % polygon.length];
      const [a, b] = [p, q].map(([x, z]) => nx * x + nz * z - most);
      const cut = a * b < 0 ? [[p[0] + (a / (a - b)) * (q[0] - p[0]), p[1] + (a / (a - b)) * (q[1] - p[1])]] : [];
      return [...(a <= 0 ? [p] : []), ...cut];
    });
  }

  function outline(field) { // the pitch within the walls' inner faces, and the hexagon of their outer ones
    const [goalX, goalHalf] = field.goal, end = goalX - goalHalf;
    const square = [[-30, -30], [30, -30], [30, 30], [-30, 30]];
    const faces = (side) => field.ring.slice(0, WALLS).map(([x, z, , thick, yaw]) => {
      const nx = Math.sin(yaw * RAD), nz = Math.cos(yaw * RAD), out = Math.sign(nx * x + nz * z);
      return [out * nx, out * nz, out * (nx * x + nz * z) + (side * thick) / 2];
    });
    return {
      pitch: [...faces(-1), [1, 0, end], [-1, 0, end]].reduce(within, square),
      walls: field.ring.slice(0, WALLS).map((box) => faces(1).reduce(within, corners(box))), // mitred where they cross
    };
  }

  class Field { // draws on one canvas, in metres; x to the right, or upwards where the canvas is upright
    constructor(canvas, field) {
      Object.assign(this, { canvas, field, pen: canvas.getContext("2d"), shape: outline(field) });
      this.reach = [field.goal[0] + field.goal[1] + 0.35, field.ring[0][1] + field.ring[0][3] / 2 + 0.3];
    }

    fit() {
      const room = this.canvas.parentElement.clientWidth, tall = innerHeight;
      this.upright = room < 520 && tall > innerWidth;
      const [long, wide] = this.reach.map((half) => 2 * half);
      this.scale = this.upright ? Math.min(room / wide, (0.66 * tall) / long) : Math.min(room / long, Math.max(260, 0.7 * tall) / wide);
      const [width, height] = (this.upright ? [wide, long] : [long, wide]).map((size) => Math.floor(size * this.scale));
      this.dense = devicePixelRatio || 1;
      Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
      Object.assign(this.canvas, { width: Math.round(width * this.dense), height: Math.round(height * this.dense) });
      this.middle = [width / 2, height / 2];
      const style = getComputedStyle(this.canvas);
      const inks = new Map();
      this.ink = (role) => inks.get(role) ?? inks.set(role, style.getPropertyValue(`--${role}`).trim()).get(role);
      this.font = style.fontFamily;
    }

    toScreen(x, z) {
      const [mx, my] = this.middle, s = this.scale;
      return this.upright ? [mx - s * z, my - s * x] : [mx + s * x, my - s * z];
    }

    toField(left, top) {
      const [a, b] = [(left - this.middle[0]) / this.scale, (this.middle[1] - top) / this.scale];
      return this.upright ? { x: b, z: -a } : { x: a, z: b };
    }

    path(points) {
      points.forEach(([x, z], i) => (i ? this.pen.lineTo(x, z) : this.pen.moveTo(x, z)));
    }

    fill(color, ...polygons) {
      this.pen.beginPath();
      for (const points of polygons) {
        this.path(points);
        this.pen.closePath();
      }
      this.pen.fillStyle = color;
      this.pen.fill();
    }

    line(points, color, width) {
      this.pen.beginPath();
      this.path(points);
      Object.assign(this.pen, { strokeStyle: color, lineWidth: width });
      this.pen.stroke();
    }

    disc(x, z, radius, color, edge, width) {
      const pen = this.pen;
      pen.beginPath();
      pen.arc(x, z, radius, 0, 2 * Math.PI);
      if (color) Object.assign(pen, { fillStyle: color }).fill();
      if (edge) Object.assign(pen, { strokeStyle: edge, lineWidth: width }).stroke();
    }

    draw(match, frame, now, rays, chosen, over) {
      const { pen, scale: s, dense: d } = this, [mx, my] = this.middle;
      this.hair = 1 / s; // a pixel, in metres
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
      if (this.upright) pen.setTransform(0, -s * d, -s * d, 0, mx * d, my * d);
      else pen.setTransform(s * d, 0, 0, -s * d, mx * d, my * d);
      pen.lineCap = pen.lineJoin = "round";
      this.ground(over);
      if (rays) this.rays(now.agents[chosen], rays);
      this.trail(match, frame);
      this.flashes(match, frame);
      now.agents.forEach((body, i) => this.player(body, i, i === chosen));
      this.ball(now.ball);
    }

    ground(over) {
      const { pen, field, shape, hair } = this, line = this.ink("line"), [goalX, goalHalf, mouth] = field.goal;
      this.fill(this.ink("grass"), shape.pitch);
      pen.save();
      pen.beginPath();
      this.path(shape.pitch);
      pen.clip();
      for (let x = -16.5; x < 15; x += 6) this.fill(this.ink("grass-2"), [[x, -9], [x + 3, -9], [x + 3, 9], [x, 9]]);
      const wide = Math.max(0.09, 1.2 * hair);
      this.line([[0, -9], [0, 9]], line, wide);
      this.disc(0, 0, 2.5, null, line, wide);
      this.disc(0, 0, 0.2, line);
      pen.restore();
      TEAMS.forEach((team, i) => {
        const side = i ? 1 : -1, inner = side * (goalX - goalHalf), back = side * (goalX + goalHalf), scored = over === 2 - i;
        const floor = [[inner, -mouth], [back, -mouth], [back, mouth], [inner, mouth]];
        this.fill(this.ink("grass"), floor);
        pen.globalAlpha = scored ? 0.6 : 0.2;
        this.fill(this.ink(team), floor);
        pen.globalAlpha = scored ? 0.8 : 0.4;
        for (let k = 1; k < 5; k++) this.line([[inner + (side * k * 2) / 5, -mouth], [inner + (side * k * 2) / 5, mouth]], this.ink("page"), hair);
        for (let z = -4; z <= 4; z += 0.4) this.line([[inner, z], [back, z]], this.ink("page"), hair);
        pen.globalAlpha = 1;
        this.line([[inner, -mouth], [inner, mouth]], line, Math.max(0.12, 1.5 * hair));
      });
      this.fill(this.ink("wall"), ...shape.walls);
      field.ring.slice(WALLS).forEach((box) => this.fill(this.ink(TEAMS[box[5] - 1]), corners(box, 0.3 * hair)));
    }

    trail(match, frame) {
      const { pen, field } = this, last = Math.floor(frame), points = [];
      for (let k = Math.max(0, last - TRAIL); k <= last; k++) points.push([match.table[k] / field.perMetre, match.table[match.frames + k] / field.perMetre]);
      const { ball } = state(match, field, frame);
      points.push([ball.x, ball.z]);
      pen.lineCap = "butt";
      pen.globalAlpha = 0.045;
      for (let k = 0; k + 1 < points.length; k += 3) this.line(points.slice(k), this.ink("ball-edge"), 0.5 * field.ball);
      pen.globalAlpha = 1;
      pen.lineCap = "round";
    }

    flashes(match, frame) { // a kick is a ring that spreads and fades
      const { pen, field } = this;
      for (const [step, agent, kicked] of match.touches) {
        const age = (frame - step) / FLASH;
        if (!kicked || age < 0 || age >= 1) continue;
        const { ball } = state(match, field, step);
        pen.globalAlpha = 0.8 * (1 - age) ** 2;
        this.disc(ball.x, ball.z, field.ball + 1.1 * Math.sqrt(age), null, this.ink(TEAMS[agent >> 1]), Math.max(0.16 * (1 - age), this.hair));
        pen.globalAlpha = 1;
      }
    }

    player({ x, z, yaw }, i, chosen) {
      const { pen, field, hair } = this, team = TEAMS[i >> 1], color = this.ink(team), r = field.agent;
      if (chosen) this.disc(x, z, r + 0.28, null, this.ink("ink"), Math.max(0.08, 1.5 * hair));
      const ahead = Math.PI / 2 - yaw;
      pen.beginPath();
      pen.arc(x, z, r, ahead + 0.5, ahead - 0.5 + 2 * Math.PI);
      pen.lineTo(x + 1.8 * r * Math.sin(yaw), z + 1.8 * r * Math.cos(yaw)); // the nose
      pen.closePath();
      Object.assign(pen, { fillStyle: color, strokeStyle: this.ink("page"), lineWidth: 2.4 * hair });
      pen.stroke();
      pen.fill();
      if (i >> 1) this.disc(x, z, r * 0.74, null, this.ink("on-team"), Math.max(0.07, hair)); // told apart without colour
      if (r * this.scale < 7) return;
      pen.save();
      pen.setTransform(this.dense, 0, 0, this.dense, 0, 0);
      Object.assign(pen, { fillStyle: this.ink("on-team"), textAlign: "center", textBaseline: "middle" });
      const size = r * this.scale * (i >> 1 ? 1 : 1.2);
      pen.font = `600 ${size}px ${this.font}`;
      const [left, top] = this.toScreen(x, z);
      pen.fillText(String((i & 1) + 1), left, top + 0.06 * size);
      pen.restore();
    }

    ball({ x, z }) {
      this.disc(x, z, this.field.ball, this.ink("ball"), this.ink("ball-edge"), Math.max(0.1, 1.3 * this.hair));
      this.disc(x, z, this.field.ball * 0.34, this.ink("ball-edge"));
    }

    rays({ x, z }, rays) {
      const { pen, field, hair } = this;
      for (const { dx, dz, distance, what } of rays) {
        const end = [x + dx * distance, z + dz * distance], color = this.ink(what === "ball" ? "ray-ball" : what === "none" || what === "wall" ? "ray-wall" : what);
        pen.setLineDash(what === "none" ? [0.25, 0.3] : []);
        pen.globalAlpha = what === "none" ? 0.6 : what === "wall" ? 0.75 : 1;
        this.line([[x, z], end], color, Math.max(what === "none" || what === "wall" ? 0.04 : 0.09, hair));
        pen.globalAlpha *= 0.22;
        if (what !== "none") this.disc(...end, field.ray[1], color);
        pen.globalAlpha *= 3.5;
        this.disc(...end, field.ray[1], null, color, Math.max(0.05, hair));
      }
      pen.setLineDash([]);
      pen.globalAlpha = 1;
    }
  }

  // --- the player ---------------------------------------------------------------------------------------------

  class Replay {
    constructor(root, head) {
      Object.assign(this, head, { root, chosen: 0, shown: false, frame: 0, moving: 0, waiting: 0 });
      this.part = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((node) => [node.dataset.part, node]));
      this.view = new Field(this.part.canvas, this.field);
      if (matchMedia("(prefers-reduced-motion: reduce)").matches) this.part.follow.checked = false;
      this.list();
      this.wire();
      this.choose(0, true);
      new ResizeObserver(() => this.resize()).observe(this.part.canvas.parentElement);
      addEventListener("resize", () => this.resize());
      for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", () => this.resize());
      this.resize();
      root.dataset.ready = "yes";
    }

    get match() { return this.matches[this.index]; }
    get last() { return this.match.frames - 1; }
    get ended() { return this.frame >= this.last; }
    name(team, match = this.match) { return (match.names ?? this.names)[match.aTeam === team ? 0 : 1]; }
    seconds(frame = this.frame) { return (frame * this.field.dt).toFixed(2); }

    winner(match) { return { [BLUE_SCORED]: 0, [PURPLE_SCORED]: 1 }[match.outcome]; }

    called(match = this.match) { return match.title ?? `Match ${match.number + 1}`; }

    list() {
      const length = (match) => `${((match.frames - 1) * this.field.dt).toFixed(1)} s`;
      this.part.matches.hidden = this.part.onward.hidden = this.matches.length < 2;
      this.buttons = this.matches.map((match, index) => {
        const button = document.createElement("button"), winner = this.winner(match);
        const put = (tag, text, kind) => {
          const node = Object.assign(document.createElement(tag), { textContent: text, className: kind ?? "" });
          button.append(node, " ");
        };
        button.type = "button";
        put("small", match.title ?? String(match.number + 1));
        put("bdi", winner === undefined ? "draw" : this.name(winner, match), winner === undefined ? "" : TEAMS[winner]);
        put("small", length(match));
        const told = winner === undefined ? "a draw" : `won by ${this.name(winner, match)} as ${TEAMS[winner]}`;
        button.setAttribute("aria-label", `${this.called(match)}: ${told}, ${length(match)}`);
        button.addEventListener("click", (event) => {
          this.choose(index);
          if (event.detail) this.root.focus({ preventScroll: true }); // by mouse: the keys are the field's again
        });
        const item = document.createElement("li");
        item.append(button);
        this.part.matches.append(item);
        return button;
      });
    }

    wire() {
      const { play, back, on, scrub, rays, canvas } = this.part;
      play.addEventListener("click", () => this.toggle());
      back.addEventListener("click", () => this.step(-1));
      on.addEventListener("click", () => this.step(1));
      scrub.addEventListener("input", () => { this.pause(); this.seek(Number(scrub.value)); });
      rays.addEventListener("change", () => this.look(rays.value === "" ? null : Number(rays.value)));
      canvas.addEventListener("click", (event) => this.pick(event));
      const alone = document.querySelectorAll("body.watch .replay").length === 1; // a page of nothing else
      (alone ? document : this.root).addEventListener("keydown", (event) => this.key(event));
    }

    key(event) {
      const { target } = event, tag = target.tagName;
      if (event.ctrlKey || event.altKey || event.metaKey || tag === "SELECT" || tag === "TEXTAREA") return;
      if (tag === "INPUT" && !["range", "checkbox"].includes(target.type)) return;
      if (event.key === " " && (tag === "BUTTON" || tag === "A" || target.type === "checkbox")) return; // theirs
      const far = event.shiftKey ? this.field.period : 1;
      const keys = {
        " ": () => this.toggle(), ArrowLeft: () => this.step(-far), ArrowRight: () => this.step(far),
        Home: () => this.step(-Infinity), End: () => this.step(Infinity),
        r: () => this.look(this.shown ? null : this.chosen), n: () => this.choose(this.index + 1), p: () => this.choose(this.index - 1),
        1: () => this.look(0), 2: () => this.look(1), 3: () => this.look(2), 4: () => this.look(3),
      };
      const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!act) return;
      event.preventDefault();
      act();
    }

    pick(event) {
      const { x, z } = this.view.toField(event.offsetX, event.offsetY);
      const far = this.now.agents.map((body) => Math.hypot(body.x - x, body.z - z)), near = far.indexOf(Math.min(...far));
      if (far[near] * this.view.scale < Math.max(24, 1.4 * this.view.scale)) this.look(this.shown && this.chosen === near ? null : near);
    }

    choose(index, quiet = false) {
      if (index < 0 || index >= this.matches.length) return;
      const moving = Boolean(this.moving || this.waiting);
      this.pause();
      this.index = index;
      this.buttons.forEach((button, i) => (i === index ? button.setAttribute("aria-current", "true") : button.removeAttribute("aria-current")));
      this.part.matches.scrollTop = this.buttons[index].offsetTop - this.part.matches.clientHeight / 2; // never the page
      TEAMS.forEach((team, i) => { this.part[team].textContent = this.part[team].title = this.name(i); });
      this.part.scrub.max = this.last;
      this.marks();
      this.seek(0);
      if (!quiet) this.say(`${this.called()}: blue ${this.name(0)}, purple ${this.name(1)}.`);
      if (moving) this.play();
    }

    marks() { // kicks and the goal, along the scrubber
      const { marks } = this.part, line = (frame, kind) => {
        const node = document.createElementNS("http://www.w3.org/2000/svg", "line"), x = `${(100 * frame) / this.last}%`;
        for (const [key, value] of Object.entries({ x1: x, x2: x, y1: "0", y2: "100%", class: kind })) node.setAttribute(key, value);
        return node;
      };
      const winner = this.winner(this.match);
      marks.replaceChildren(
        ...this.match.touches.filter(([, , kicked]) => kicked).map(([step, agent]) => line(step, TEAMS[agent >> 1])),
        ...(winner === undefined ? [] : [line(this.last, `goal ${TEAMS[winner]}`)]),
      );
    }

    // --- time ---

    toggle() { (this.moving || this.waiting ? this.pause : this.play).call(this); }

    play() {
      if (this.ended) this.seek(0);
      let before = null;
      const tick = (time) => {
        const passed = before === null ? 0 : Math.min(time - before, 100) / 1000;
        before = time;
        this.seek(this.frame + (passed * Number(this.part.speed.value)) / this.field.dt);
        this.moving = this.ended ? 0 : requestAnimationFrame(tick);
        if (this.ended) this.finish();
      };
      this.moving = requestAnimationFrame(tick);
      this.button();
    }

    pause() {
      cancelAnimationFrame(this.moving);
      clearTimeout(this.waiting);
      this.moving = this.waiting = 0;
      this.button();
      if (this.now) this.describe();
    }

    finish() {
      this.say(this.result());
      if (this.part.follow.checked && this.index + 1 < this.matches.length) {
        this.waiting = setTimeout(() => { this.choose(this.index + 1); }, 1800);
      }
      this.button();
      this.describe();
    }

    button() {
      const going = Boolean(this.moving || this.waiting);
      this.part.playing.textContent = going ? "Pause" : "Play";
      this.part.icon.setAttribute("d", going ? "M3.5 2h3v12h-3zM9.5 2h3v12h-3z" : "M4 2v12l9.5-6z");
    }

    step(by) {
      this.pause();
      const from = by < 0 ? Math.ceil(this.frame) : Math.floor(this.frame);
      this.seek(from + by);
      if (this.ended) this.say(this.result());
    }

    seek(frame) {
      this.frame = Math.max(0, Math.min(this.last, frame));
      this.render();
    }

    // --- what is seen ---

    look(agent) { // put a player's rays on, or take them off
      this.shown = agent !== null;
      if (this.shown) this.chosen = agent;
      this.part.rays.value = this.shown ? agent : "";
      this.part.seen.hidden = !this.shown;
      this.render();
    }

    resize() {
      this.view.fit();
      this.render();
    }

    result() {
      const winner = this.winner(this.match);
      if (winner === undefined) return `Time: a draw after ${this.seconds(this.last)} seconds.`;
      return `Goal for ${TEAMS[winner]}, ${this.name(winner)}, after ${this.seconds(this.last)} seconds.`;
    }

    render() {
      if (!this.view.scale) return;
      const { part, match, frame } = this, winner = this.winner(match);
      this.now = state(match, this.field, frame);
      this.seen = this.shown ? look(this.field, this.now, this.chosen) : null;
      this.view.draw(match, frame, this.now, this.seen, this.shown ? this.chosen : -1, this.ended ? match.outcome : 0);
      const decision = Math.min(match.decisions, 1 + Math.floor(frame / this.field.period));
      part.scrub.value = Math.round(frame);
      part.scrub.style.setProperty("--done", `${(100 * frame) / (this.last || 1)}%`);
      if (!this.moving) part.scrub.setAttribute("aria-valuetext", `${this.seconds()} of ${this.seconds(this.last)} seconds`);
      part.clock.textContent = `${this.seconds()} s of ${this.seconds(this.last)} · decision ${decision} of ${match.decisions}`;
      part.score.textContent = [0, 1].map((team) => (this.ended && winner === team ? 1 : 0)).join(" – ");
      part.call.hidden = !this.ended;
      if (this.ended) {
        part.call.className = `replay-call ${winner === undefined ? "" : TEAMS[winner]}`;
        const [left, top] = this.view.upright ? ["50%", this.now.ball.x > 0 ? "72%" : "28%"] : [this.now.ball.x > 0 ? "29%" : "71%", "50%"];
        Object.assign(part.call.style, { left, top, maxWidth: this.view.upright ? "90%" : "" }); // in the half where the ball is not
        part.call.firstElementChild.textContent = winner === undefined ? "Time" : "Goal";
        part.call.lastElementChild.textContent = winner === undefined ? "a draw" : this.name(winner);
      }
      if (this.shown) part.doing.textContent = this.doing();
      if (!this.moving) this.describe();
    }

    speed(column) { // m/s of a body, over the frame before
      const { table, frames } = this.match, at = Math.max(1, Math.min(this.last, Math.ceil(this.frame)));
      const moved = [column, column + 1].map((c) => table[c * frames + at] - table[c * frames + at - 1]);
      return this.frame > 0 && this.last ? Math.hypot(...moved) / this.field.perMetre / this.field.dt : 0;
    }

    doing() {
      const { match, chosen } = this, decision = Math.min(match.decisions - 1, Math.floor(this.frame / this.field.period));
      const taken = match.actions[4 * decision + chosen], [run, strafe, turn] = [taken % 3, Math.floor(taken / 3) % 3, Math.floor(taken / 9)];
      const moves = [strafe ? ["", "sidesteps right", "sidesteps left"][strafe] : ["stands", "runs ahead", "runs back"][run], ["", "turns left", "turns right"][turn]];
      const far = Math.min(...this.seen.filter((ray) => ray.what === "ball").map((ray) => ray.distance));
      const sight = Number.isFinite(far) ? `sees the ball at ${far.toFixed(1)} m` : "does not see the ball";
      return `${capital(person(chosen))}: ${this.speed(2 + 3 * chosen).toFixed(1)} m/s, ${[...moves, sight].filter(Boolean).join(", ")}.`;
    }

    describe() { // for who does not see the field
      const { ball, agents } = this.now, far = agents.map((body) => Math.hypot(body.x - ball.x, body.z - ball.z));
      const near = far.indexOf(Math.min(...far)), side = ball.x < 0 ? "blue" : "purple";
      this.part.canvas.setAttribute("aria-label", `The field from above at ${this.seconds()} s: the ball is in ${side}’s half, `
        + `${(this.field.goal[0] - this.field.goal[1] - Math.abs(ball.x)).toFixed(1)} m from the goal line, at ${this.speed(0).toFixed(0)} m/s; `
        + `${person(near)} is nearest, at ${far[near].toFixed(1)} m.${this.ended ? ` ${this.result()}` : ""}`);
    }

    say(text) { this.part.said.textContent = text; }
  }

  const open = (root) => unpack(root.querySelector("script").textContent.trim()).then((head) => { root.replay = new Replay(root, head); }).catch((error) => {
    root.textContent = `This replay could not be shown: ${error.message}`;
  });

  globalThis.openReplay = open; // for a page that makes players of its own

  for (const root of document.querySelectorAll(".replay")) {
    if (!("lazy" in root.dataset)) open(root);
    else new IntersectionObserver((seen, observer) => { // unpacked when somebody comes near
      if (!seen.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      open(root);
    }, { rootMargin: "300px" }).observe(root);
  }
})();
