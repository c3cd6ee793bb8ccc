/* Draws a pair: two rows of words coloured by attribution, transport ribbons between them.
   Plain script, no dependencies. Text reaches the page through textContent only. */
function cctaRenderPair(root, payload, options) {
  "use strict";
  const doc = root.ownerDocument || document;
  const win = doc.defaultView || window;
  const uid = "ccta" + Math.random().toString(36).slice(2, 9);
  const SIDES = ["source", "target"];
  const MAX_FLOWS = 600;
  const SEGMENTS = {
    nli: ["premise", "hypothesis"],
    paraphrase: ["first sentence", "second sentence"],
    qa: ["question", "context"],
  };
  const CLOSING = /^[\p{Pe}\p{Pf}\p{Po}ー々]+$/u;
  const holder = doc.createElement("div");
  holder.innerHTML = "<svg></svg>";
  const SVG = holder.firstChild.namespaceURI;
  const state = { payload: null, options: {}, flows: [], words: {}, pin: null, active: null };

  // ---- small pieces -------------------------------------------------------------------------
  function el(tag, attributes, ...children) {
    const node = tag.startsWith("svg:")
      ? doc.createElementNS(SVG, tag.slice(4))
      : doc.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("--")) node.style.setProperty(name, value);
      else if (value !== null && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }
  const div = (name, ...children) => el("div", { class: name }, ...children);
  const span = (name, ...children) => el("span", { class: name }, ...children);
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const other = (side) => (side === "source" ? "target" : "source");
  const percent = (x) => (100 * x).toFixed(x < 0.0995 ? 1 : 0) + "%";
  const fixed = (x, digits) => (x < 0 ? "\u2212" : "") + Math.abs(x).toFixed(digits);
  const short = (x) => fixed(x, 2).replace(/0\./, ".");
  const signed = (x) => (x > 0 ? "+" : "") + fixed(x, 3);
  const language = (side) =>
    (state.options.languages || {})[side] || { name: state.payload[side].lang, spaced: true };
  const isolate = (text, side) => el("bdi", { lang: state.payload[side].lang }, text);
  const unitText = (side, index) => state.payload[side].units[index].text;
  const massOf = (side, index) => state.payload[side].mass[index];
  const className = () => {
    const name = state.payload.target_class;
    return !name || name === "each" || name === "auto" ? "the predicted class" : name;
  };

  const evidence = (value) =>
    value === 0 ? "no evidence" : `evidence ${value > 0 ? "for" : "against"} ${className()}`;

  // ---- frame: made once ---------------------------------------------------------------------
  const svg = el("svg:svg", {
    class: "ccta-ribbons",
    role: "img",
    "aria-labelledby": uid + "-title",
  });
  const card = el("div", { class: "ccta-card", hidden: "", "aria-hidden": "true" });
  const stage = div("ccta-stage");
  const legend = div("ccta-legend");
  const summary = el("div", { class: "ccta-hidden", id: uid + "-summary" });
  const frame = el(
    "div",
    { class: "ccta-pair", role: "group", "aria-describedby": uid + "-summary" },
    stage,
    legend,
    summary,
  );

  // ---- values -------------------------------------------------------------------------------
  function mark(flow, name, on) {
    for (const node of [flow.group, flow.hit]) node.classList.toggle(name, on);
  }

  function readFlows(data) {
    const flows = [];
    data.plan.forEach((row, i) =>
      row.forEach((mass, j) => {
        if (mass > 1e-6) flows.push({ i, j, mass, cos: data.similarity[i][j] });
      }),
    );
    return flows.sort((a, b) => b.mass - a.mass).slice(0, MAX_FLOWS);
  }

  // The default keeps the flows that carry 85% of the mass, at most 40 of them.
  function defaultThreshold() {
    let carried = 0;
    const last = state.flows.findIndex((flow, n) => (carried += flow.mass) >= 0.85 || n >= 39);
    const flow = state.flows[last < 0 ? state.flows.length - 1 : last];
    return flow ? Math.min(flow.mass, 0.02) : 0;
  }
  const threshold = () =>
    typeof state.options.threshold === "number" ? state.options.threshold : defaultThreshold();
  const flowsOf = (side, index) =>
    state.flows.filter((flow) => flow[side === "source" ? "i" : "j"] === index);
  const partner = (flow, side) => flow[side === "source" ? "j" : "i"];

  // Signed share of a side's absolute attribution: comparable between the two languages.
  function shares(side) {
    const data = state.payload[side];
    const total = sum(data.attribution.map(Math.abs)) || 1;
    return (state.options.subwords ? data.subword_attribution : data.attribution).map(
      (a) => a / total,
    );
  }

  // ---- words --------------------------------------------------------------------------------
  function wordNode(side, index, text, name) {
    const subword = state.options.subwords;
    const mark =
      subword && text.length > 1 && text.startsWith("\u2581") ? span("ccta-mark", "\u2581") : "";
    const node = el(
      "span",
      {
        class: "ccta-word",
        role: "button",
        dir: "auto",
        tabindex: index === 0 ? "0" : "-1",
        "data-side": side,
        lang: state.payload[side].lang,
        [subword ? "data-subword" : "data-unit"]: index,
        "aria-label": name,
      },
      mark,
      mark ? text.slice(1) : text,
    );
    if (subword && /^(<[^>]+>|\[[A-Z]+\])$/.test(text)) node.classList.add("is-special");
    state.words[side][index] = node;
    return node;
  }

  function wordLabel(side, index) {
    const data = state.payload[side];
    const value = data.attribution[index];
    const kind = evidence(value);
    const best = flowsOf(side, index)[0];
    const link = best ? `, strongest partner ${unitText(other(side), partner(best, side))}` : "";
    return `${data.units[index].text}: ${kind}, ${percent(data.mass[index])} of the mass${link}`;
  }

  // Words in reading order with what stands between them; offsets count code points.
  function fillSegment(box, side, segment, text) {
    const letters = Array.from(text || "");
    const answer = state.payload[side].answer_span;
    let at = 0;
    state.payload[side].units.forEach((unit, index) => {
      if (unit.segment !== segment) return;
      const between = letters.slice(at, unit.start).join("");
      const node = wordNode(side, index, unit.text, wordLabel(side, index));
      if (
        answer &&
        answer.segment === segment &&
        unit.start < answer.end &&
        unit.end > answer.start
      )
        node.classList.add("is-answer");
      const last = box.lastElementChild;
      if (!between && last && CLOSING.test(unit.text)) {
        const keep = last.className === "ccta-keep" ? last : span("ccta-keep");
        if (keep !== last) last.replaceWith(keep);
        keep.append(...(keep === last ? [] : [last]), node);
      } else box.append(between, node);
      at = unit.end;
    });
    box.append(letters.slice(at).join(""));
  }

  function segmentNode(side, segment, caption) {
    const data = state.payload[side];
    const writing = language(side);
    const body = el("p", { class: "ccta-text", dir: writing.rtl ? "rtl" : "ltr", lang: data.lang });
    if (writing.spaced === false) body.classList.add("is-unspaced");
    if (state.options.subwords) {
      data.subwords.forEach((piece, n) =>
        body.append(
          wordNode(side, n, piece, `${piece}: ${signed(data.subword_attribution[n])}`),
          " ",
        ),
      );
    } else fillSegment(body, side, segment, segment ? data.text2 : data.text);
    const lead = caption ? span("ccta-caption-name", caption) : null;
    const place = span("ccta-caption-side", writing.name);
    return el(
      "div",
      { class: "ccta-segment", "data-side": side, "data-segment": segment },
      div("ccta-caption", lead, place),
      body,
    );
  }

  function sideNode(side) {
    const data = state.payload[side];
    const names = Object.entries(data.prediction || {});
    const ranked = [...names].sort((a, b) => b[1] - a[1]);
    const top = ranked[0];
    const kept = names.length > 6 ? ranked.slice(0, 6) : names;
    const bars = kept.map(([name, value]) =>
      el(
        "span",
        { class: top && name === top[0] ? "ccta-bar is-top" : "ccta-bar" },
        span("ccta-bar-name", name),
        el("span", { class: "ccta-track", "--v": clamp(value, 0, 1) }),
        span("ccta-bar-value", short(value)),
      ),
    );
    const writing = language(side);
    const native =
      writing.native && writing.native !== writing.name
        ? el("bdi", { class: "ccta-native", lang: data.lang }, writing.native)
        : null;
    const said = top
      ? span("ccta-said", "\u00b7 ", el("bdi", {}, top[0]), " ", short(top[1]))
      : null;
    const warning =
      data.converged === false ? span("ccta-warning", "attribution did not converge") : null;
    return el(
      "div",
      { class: "ccta-side", "data-side": side },
      div("ccta-who", el("strong", {}, writing.name), " ", native, " ", said, warning),
      div("ccta-bars", ...bars),
    );
  }

  // Columns for the fewest lines: single-line widths first, then lines to each segment.
  function columns(room) {
    const length = [0, 1].map((segment) =>
      Math.max(
        ...SIDES.map((side) =>
          sum(
            state.words[side]
              .filter((_, n) => state.payload[side].units[n].segment === segment)
              .map((node) => node.offsetWidth + (language(side).spaced === false ? 2 : 6)),
          ),
        ),
      ),
    );
    for (let most = 1; most < 40; most += 1) {
      for (const [a, b] of [
        [most, 1],
        [1, most],
        [most, most - 1],
        [most - 1, most],
        [most, most],
      ]) {
        const need = [a, b].map((lines, n) =>
          Math.max((lines > 1 ? 1.1 / lines : 1.01) * length[n] + 10, 180),
        );
        if (a && b && need[0] + need[1] <= room)
          return need.map((w) => `minmax(0, ${w.toFixed(0)}fr)`).join(" ");
      }
    }
    return "minmax(0, 2fr) minmax(0, 1fr)";
  }

  // ---- build and paint ----------------------------------------------------------------------
  function build() {
    state.words = { source: [], target: [] };
    state.flows = state.options.subwords ? [] : readFlows(state.payload);
    state.pin = state.active = null;
    const two = SIDES.some((side) => state.payload[side].text2) && !state.options.subwords;
    const names = state.options.labels ||
      SEGMENTS[state.payload.task] || ["first text", "second text"];
    const segments = SIDES.flatMap((side) =>
      (two ? [0, 1] : [0]).map((n) => segmentNode(side, n, two ? names[n] : null)),
    );
    stage.replaceChildren(svg, sideNode("source"), ...segments, sideNode("target"), card);
    stage.classList.toggle("is-single", !two);
    stage.classList.toggle("is-plain", Boolean(state.options.subwords));
    stage.style.setProperty("--columns", "minmax(0, 1fr)");
    drawRibbons();
    paint();
    layout();
  }

  function drawRibbons() {
    svg.replaceChildren(el("svg:title", { id: uid + "-title" }, title()));
    // Cosines start at 0, or higher where all are high (a space that is not centred).
    const least = Math.min(1, ...state.flows.map((flow) => flow.cos));
    state.floor = least < 0.4 ? 0 : Math.floor(least * 10) / 10;
    for (const flow of state.flows) {
      const tone = clamp((flow.cos - state.floor) / (1 - state.floor || 1), 0, 1);
      flow.path = el("svg:path", { class: "ccta-ribbon", "--s": tone.toFixed(3) });
      flow.hit = el("svg:path", { class: "ccta-hit" });
      flow.group = el(
        "svg:g",
        { class: "ccta-flow", "data-flow": `${flow.i}-${flow.j}` },
        flow.path,
      );
      flow.group.cctaFlow = flow.hit.cctaFlow = flow;
    }
    // Wide invisible paths under all ribbons: a thin ribbon is easy to hit and takes nothing away.
    svg.append(...state.flows.map((flow) => flow.hit), ...state.flows.map((flow) => flow.group));
  }

  function title() {
    const p = state.payload;
    const [first, second] = SIDES.map((side) => language(side).name);
    return `${first} and ${second} words with the mass moved between them, EMS ${fixed(p.ems, 2)}`;
  }

  function paint() {
    const { dark, view } = state.options;
    if (dark === undefined || dark === null) frame.removeAttribute("data-theme");
    else frame.setAttribute("data-theme", dark ? "dark" : "light");
    const mass = view === "mass";
    const values = {};
    for (const side of SIDES)
      values[side] = mass && !state.options.subwords ? state.payload[side].mass : shares(side);
    const top = Math.max(1e-9, ...SIDES.flatMap((side) => values[side].map(Math.abs)));
    for (const side of SIDES)
      state.words[side].forEach((node, n) => {
        const value = values[side][n];
        node.dataset.tone = mass ? "mass" : value < 0 ? "against" : "for";
        node.style.setProperty("--t", (Math.abs(value) / top).toFixed(3));
      });
    const least = threshold();
    for (const flow of state.flows) mark(flow, "is-below", flow.mass < least);
    fillLegend(top, mass);
    fillSummary();
  }

  function fillLegend(top, mass) {
    const scale = (low, kind, high) =>
      el(
        "span",
        { class: "ccta-key" },
        span("", low),
        span("ccta-ramp is-" + kind),
        span("", high),
      );
    const name = className();
    const words = mass
      ? scale("0", "mass", `${percent(top)} of the mass`)
      : scale(`evidence against ${name}`, "signed", `evidence for ${name}`);
    const parts = [words];
    if (!state.options.subwords) {
      const drawn = state.flows.filter((flow) => flow.mass >= threshold());
      parts.push(
        scale(`ribbons: cosine ${fixed(state.floor || 0, 1).replace(".0", "")}`, "cosine", "1"),
      );
      const carried = percent(sum(drawn.map((flow) => flow.mass)));
      const count = `${drawn.length} of ${state.flows.length} flows drawn`;
      parts.push(span("ccta-key", `width is mass moved; ${count}, ${carried} of the mass`));
    }
    if (!mass) parts.push(span("ccta-key ccta-print", "underlined solid: for, dotted: against"));
    legend.replaceChildren(...parts);
  }

  function fillSummary() {
    if (state.options.subwords) return summary.replaceChildren(title());
    const items = state.flows
      .slice(0, 8)
      .map((flow) =>
        el(
          "li",
          {},
          isolate(unitText("source", flow.i), "source"),
          " to ",
          isolate(unitText("target", flow.j), "target"),
          `: ${percent(flow.mass)} of the mass, cosine ${short(flow.cos)}`,
        ),
      );
    summary.replaceChildren(el("p", {}, title() + ". Strongest flows:"), el("ol", {}, ...items));
  }

  // ---- geometry -----------------------------------------------------------------------------
  function layout() {
    const width = stage.clientWidth;
    if (!width) return;
    stage.classList.toggle("is-stacked", width < 720 && !stage.classList.contains("is-single"));
    if (!stage.classList.contains("is-single"))
      stage.style.setProperty("--columns", columns(width - 56));
    stage.style.setProperty(
      "--gap",
      (state.options.subwords ? 28 : clamp(width * 0.14, 92, 176)) + "px",
    );
    if (state.options.subwords) return;
    svg.setAttribute("viewBox", `0 0 ${stage.clientWidth} ${stage.clientHeight}`);
    const boxes = {};
    for (const side of SIDES) boxes[side] = state.words[side].map(place);
    const rows = findRows([...boxes.source, ...boxes.target]);
    const scale = widthScale(boxes, rows.length > 2 ? 14 : 26);
    placePorts(boxes, scale);
    for (const flow of state.flows) {
      flow.d = curve(waypoints(flow, boxes, rows, width));
      flow.path.setAttribute("d", flow.d);
      flow.path.setAttribute("stroke-width", flow.width.toFixed(2));
      flow.hit.setAttribute("d", flow.d);
      flow.hit.setAttribute("stroke-width", Math.max(flow.width, 9).toFixed(1));
    }
    if (state.active) showCard();
  }

  // Pixels per unit of mass: a word's ribbons should fit under the word, the widest in `most`.
  function widthScale(boxes, most) {
    const fits = SIDES.flatMap((side) =>
      boxes[side].map((box, n) => (0.92 * box.w) / Math.max(massOf(side, n), 0.01)),
    );
    const widest = most / Math.max(0.01, ...state.flows.map((flow) => flow.mass));
    return Math.min(Math.max(Math.min(...fits), 3.5 * most), widest, 500);
  }

  function placePorts(boxes, scale) {
    for (const flow of state.flows) flow.width = Math.max(flow.mass * scale, 0.8);
    for (const side of SIDES)
      boxes[side].forEach((box, index) => {
        const there = (flow) => boxes[other(side)][partner(flow, side)].cx;
        const flows = flowsOf(side, index).sort((a, b) => there(a) - there(b));
        const total = sum(flows.map((flow) => flow.width));
        const squeeze = Math.min(1, (box.w - 2) / Math.max(total, 1));
        let at = box.cx - (total * squeeze) / 2;
        for (const flow of flows) {
          flow[side + "X"] = at + (flow.width * squeeze) / 2;
          at += flow.width * squeeze;
        }
      });
  }

  function findRows(boxes) {
    const rows = [];
    for (const box of [...boxes].sort((a, b) => a.cy - b.cy)) {
      let row = rows[rows.length - 1];
      if (!row || box.cy - row.cy > row.h / 2)
        rows.push((row = { cy: box.cy, h: box.h, top: box.y, bottom: box.bottom, boxes: [] }));
      row.top = Math.min(row.top, box.y);
      row.bottom = Math.max(row.bottom, box.bottom);
      row.boxes.push(box);
      box.row = rows.length - 1;
    }
    for (const row of rows) row.boxes.sort((a, b) => a.x - b.x);
    return rows;
  }

  // The place nearest to x where a ribbon can pass a line of text between two words.
  function passage(row, x, width, limit) {
    const edges = [0, ...row.boxes.flatMap((box) => [box.x, box.right]), limit];
    let best = x;
    let distance = Infinity;
    for (let n = 0; n + 1 < edges.length; n += 2) {
      const room = Math.min(width / 2 + 1, (edges[n + 1] - edges[n]) / 2);
      if (edges[n + 1] < edges[n]) continue;
      const spot = clamp(x, edges[n] + room, edges[n + 1] - room);
      const cost = Math.abs(spot - x) + 2 * Math.max(0, width - 2 * room);
      if (cost < distance) [best, distance] = [spot, cost];
    }
    return best;
  }

  // Through the lines on the way, between their words; sideways only in the widest free band.
  function waypoints(flow, boxes, rows, limit) {
    const a = boxes.source[flow.i];
    const b = boxes.target[flow.j];
    const down = b.cy > a.cy;
    const step = down ? 1 : -1;
    const between = [];
    for (let n = a.row + step; (b.row - n) * step > 0; n += step) between.push(rows[n]);
    const chain = [rows[a.row], ...between, rows[b.row]];
    const bands = chain
      .slice(1)
      .map((row, n) => (down ? row.top - chain[n].bottom : chain[n].top - row.bottom));
    const wide = bands.indexOf(Math.max(...bands));
    const xs = [];
    for (let n = 0, x = flow.sourceX; n < wide; n += 1)
      xs[n] = x = passage(between[n], x, flow.width, limit);
    for (let n = between.length - 1, x = flow.targetX; n >= wide; n -= 1)
      xs[n] = x = passage(between[n], x, flow.width, limit);
    const points = [[flow.sourceX, down ? a.bottom - 2 : a.y + 2]];
    between.forEach((row, n) =>
      points.push([xs[n], down ? row.top : row.bottom], [xs[n], down ? row.bottom : row.top]),
    );
    return [...points, [flow.targetX, down ? b.y + 2 : b.bottom - 2]];
  }

  function curve(points) {
    const n = (value) => value.toFixed(1);
    let d = `M${n(points[0][0])} ${n(points[0][1])}`;
    for (let k = 1; k < points.length; k += 1) {
      const [[x0, y0], [x1, y1]] = [points[k - 1], points[k]];
      const middle = n((y0 + y1) / 2);
      d += x0 === x1 ? `V${n(y1)}` : `C${n(x0)} ${middle} ${n(x1)} ${middle} ${n(x1)} ${n(y1)}`;
    }
    return d;
  }

  // ---- the card -----------------------------------------------------------------------------
  const line = (name, ...value) =>
    div("ccta-fact", span("ccta-fact-name", name), span("ccta-fact-value", ...value));

  function wordCard({ side, index }) {
    const data = state.payload[side];
    if (state.options.subwords) {
      return [
        el("strong", {}, isolate(data.subwords[index], side)),
        line("signed score", signed(data.subword_attribution[index])),
      ];
    }
    const value = data.attribution[index];
    const mass = massOf(side, index);
    const partners = flowsOf(side, index)
      .slice(0, 3)
      .map((flow) =>
        el(
          "tr",
          {},
          el("td", {}, isolate(unitText(other(side), partner(flow, side)), other(side))),
          el("td", {}, percent(mass ? flow.mass / mass : 0)),
          el("td", {}, short(flow.cos)),
        ),
      );
    const head = el(
      "tr",
      {},
      el("th", {}, "partner"),
      el("th", {}, "share"),
      el("th", {}, "cosine"),
    );
    return [
      el("strong", {}, isolate(unitText(side, index), side)),
      line("attribution", signed(value)),
      div("ccta-fact-note", evidence(value)),
      line("mass", percent(mass)),
      partners.length ? el("table", {}, head, ...partners) : null,
    ];
  }

  function flowCard({ flow }) {
    const part = flow.mass * flow.cos;
    const whole = state.payload.ems;
    return [
      el(
        "strong",
        {},
        isolate(unitText("source", flow.i), "source"),
        " \u2192 ",
        isolate(unitText("target", flow.j), "target"),
      ),
      line("mass moved", percent(flow.mass)),
      line("cosine", short(flow.cos)),
      line("part of EMS", `${fixed(part, 3)} of ${fixed(whole, 2)}`),
    ];
  }

  function showCard() {
    const sel = state.active;
    const parts = (sel.flow ? flowCard(sel) : wordCard(sel)).filter(Boolean);
    if (state.pin) parts.push(div("ccta-fact-note", "pinned, Esc releases"));
    card.replaceChildren(...parts);
    card.hidden = false;
    const [x, y] = cardPlace(card.offsetWidth, card.offsetHeight);
    card.style.left = x + "px";
    card.style.top = y + "px";
  }

  function place(node) {
    const [r, origin] = [node.getBoundingClientRect(), stage.getBoundingClientRect()];
    const [x, y] = [r.left - origin.left, r.top - origin.top];
    return {
      x,
      y,
      w: r.width,
      h: r.height,
      right: x + r.width,
      bottom: y + r.height,
      cx: x + r.width / 2,
      cy: y + r.height / 2,
    };
  }

  function overlap(a, b) {
    const wide = Math.min(a.right, b.right) - Math.max(a.x, b.x);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.y, b.y);
    return Math.max(0, wide) * Math.max(0, high);
  }

  function ribbonSpots() {
    const lit = state.flows.filter((flow) => flow.group.classList.contains("is-on")).slice(0, 6);
    return lit.flatMap(({ path }) => {
      const length = path.getTotalLength();
      return [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9].map((t) =>
        path.getPointAtLength(t * length),
      );
    });
  }

  // Near what it tells about, off its words and ribbons, always inside the stage.
  function cardPlace(w, h) {
    const nodes = SIDES.flatMap((side) => state.words[side]);
    const boxes = nodes.map((node) => [place(node), node.classList.contains("is-on") ? 1 : 0.035]);
    const spots = ribbonSpots();
    const own = state.active.flow
      ? null
      : place(state.words[state.active.side][state.active.index]);
    const anchor = own ? { x: own.cx, y: own.cy } : spots[4];
    const room = [Math.max(0, stage.clientWidth - w), Math.max(0, stage.clientHeight - h)];
    let best = [0, 0];
    let lowest = Infinity;
    for (let n = 0; n < 225; n += 1) {
      const [x, y] = [(room[0] * (n % 15)) / 14, (room[1] * Math.floor(n / 15)) / 14];
      const box = { x, y, right: x + w, bottom: y + h };
      const covered = sum(boxes.map(([other, weight]) => weight * overlap(box, other)));
      const crossed = spots.filter(
        (s) => s.x > x - 4 && s.x < x + w + 4 && s.y > y - 4 && s.y < y + h + 4,
      );
      const far = Math.hypot(x + w / 2 - anchor.x, y + h / 2 - anchor.y);
      const cost = 1.2 * far + covered + (own ? overlap(box, own) : 0) + 40 * crossed.length;
      if (cost < lowest) [best, lowest] = [[x, y], cost];
    }
    return best;
  }

  // ---- choosing: hover, focus, pin ----------------------------------------------------------
  function light(sel) {
    state.active = sel;
    const flows = !sel ? [] : sel.flow ? [sel.flow] : flowsOf(sel.side, sel.index);
    const on = new Set(sel && !sel.flow ? [state.words[sel.side][sel.index]] : []);
    for (const flow of flows) on.add(state.words.source[flow.i]).add(state.words.target[flow.j]);
    frame.classList.toggle("has-active", Boolean(sel));
    for (const flow of state.flows) mark(flow, "is-on", flows.includes(flow));
    for (const side of SIDES)
      for (const [index, node] of state.words[side].entries()) {
        node.classList.toggle("is-on", on.has(node));
        const pinned = Boolean(state.pin && state.pin.side === side && state.pin.index === index);
        node.classList.toggle("is-pinned", pinned);
        node.setAttribute("aria-pressed", String(pinned));
      }
    if (sel) showCard();
    else card.hidden = true;
  }

  const same = (a, b) =>
    Boolean(a && b && a.flow === b.flow && a.side === b.side && a.index === b.index);
  function found(target) {
    const node = target && target.closest ? target : null;
    const word = node && node.closest(".ccta-word");
    if (word)
      return { side: word.dataset.side, index: state.words[word.dataset.side].indexOf(word) };
    const group = node && node.closest(".ccta-flow, .ccta-hit");
    return group ? { flow: group.cctaFlow } : null;
  }
  const toggle = (sel) => setPin(same(state.pin, sel) ? null : sel);
  function tell(sel, index) {
    if (state.options.onSelect && sel && sel.side && !state.options.subwords)
      state.options.onSelect(sel.side, index);
  }
  function setPin(sel) {
    const before = state.pin;
    state.pin = sel;
    light(sel);
    if (sel && sel.side) tell(sel, sel.index);
    else tell(before, null);
  }

  function goTo(side, index) {
    const node = state.words[side][index];
    if (!node) return;
    node.focus();
    if (state.pin) setPin({ side, index });
    else light({ side, index });
  }

  function onKey(event) {
    if (event.key === "Escape" && state.active) {
      if (state.pin) setPin(null);
      else light(null);
      event.stopPropagation();
      return;
    }
    const sel = found(event.target);
    if (!sel || !sel.side || event.altKey || event.ctrlKey || event.metaKey) return;
    const { side, index } = sel;
    const forward = language(side).rtl ? -1 : 1;
    const best = flowsOf(side, index)[0];
    const partnerStep = () => best && goTo(other(side), partner(best, side));
    const actions = {
      ArrowLeft: () => goTo(side, index - forward),
      ArrowRight: () => goTo(side, index + forward),
      ArrowUp: partnerStep,
      ArrowDown: partnerStep,
      Home: () => goTo(side, 0),
      End: () => goTo(side, state.words[side].length - 1),
      Enter: () => toggle(sel),
      " ": () => toggle(sel),
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }

  stage.addEventListener("pointerover", (event) => {
    const sel = found(event.target);
    if (!state.pin && !same(sel, state.active)) light(sel);
  });
  stage.addEventListener("pointerleave", () => state.pin || light(null));
  stage.addEventListener("focusin", (event) => {
    const sel = found(event.target);
    if (!sel || !sel.side) return;
    for (const word of state.words[sel.side]) word.tabIndex = word === event.target ? 0 : -1;
    if (!state.pin) light(sel);
  });
  stage.addEventListener("focusout", () => state.pin || light(null));
  frame.addEventListener("keydown", onKey);
  frame.addEventListener("click", (event) => {
    const sel = found(event.target);
    if (sel) toggle(sel);
    else if (state.pin) setPin(null);
  });

  // ---- life ---------------------------------------------------------------------------------
  let waiting = 0;
  function later() {
    if (!waiting)
      waiting = win.requestAnimationFrame(() => {
        waiting = 0;
        layout();
      });
  }
  function update(nextPayload, nextOptions) {
    state.payload = nextPayload || state.payload;
    state.options = Object.assign({}, state.options, nextOptions);
    const { languages, labels, subwords } = state.options;
    const key = JSON.stringify([state.payload, languages, labels, Boolean(subwords)]);
    if (key !== state.key) {
      state.key = key;
      build();
    } else paint();
  }
  const observer = new win.ResizeObserver(later);
  root.append(frame);
  update(payload, options);
  observer.observe(stage);
  if (doc.fonts) {
    doc.fonts.ready.then(later);
    doc.fonts.addEventListener("loadingdone", later);
  }
  return {
    update,
    threshold,
    destroy() {
      observer.disconnect();
      if (waiting) win.cancelAnimationFrame(waiting);
      if (doc.fonts) doc.fonts.removeEventListener("loadingdone", later);
      frame.remove();
    },
  };
}
