// Distances of word pairs over the steps of an adjustment, and the arms' scores: every frame is here, so that a
// move is drawn at once. What is looked at is told to the page a moment later, for its address.
const NS = "http://www.w3.org/2000/svg";
const MINUS = "\u2212";
const TELL_AFTER = 350; // ms without a move
const PLAY_EVERY = 500; // ms a step
const pictures = new WeakMap(); // root -> state
const KINDS = { cosine: "cosine distance", l2: "L2 distance" };
const VIEWS = { score: "Score", difference: "Paired difference" };

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function draw(tag, attributes, text) {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

// What is left after rounding decides on the sign: never a minus, or a plus, before a zero.
function fixed(value, digits) {
  if (value === null || value === undefined || Number.isNaN(value)) return "\u2013";
  const text = Math.abs(value).toFixed(digits);
  return (value < 0 && Number(text) !== 0 ? MINUS : "") + text;
}
function signed(value, digits) {
  return (value > 0 && Number(value.toFixed(digits)) !== 0 ? "+" : "") + fixed(value, digits);
}

function niceTicks(low, high, most) {
  const raw = (high - low) / most || 1;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((unit) => unit * size).find((unit) => unit >= raw * 0.999);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + (String(step / size).includes(".") ? 1 : 0));
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + 1e-9; at += step) ticks.push(at);
  return { ticks, digits };
}

// ---- what is looked at -------------------------------------------------------------------------------------------

const filmOf = (state, arm) => state.data.film.films[arm];
const armOf = (state, key) => state.data.arms.find((arm) => arm.key === key);

// The frame of an arm at the chosen step and layer; null where it was not measured there.
function frameOf(state, arm, step) {
  const film = filmOf(state, arm);
  if (!film) return null;
  const index = film.steps.length < 2 ? 0 : film.steps.indexOf(step);
  const rows = index < 0 ? null : film.rows[index];
  return (rows && rows[state.data.film.layers.indexOf(state.at.layer)]) || null;
}
const numbersOf = (state, frame) => (frame && frame[state.at.distance]) || null;

function look(state) {
  const { at } = state;
  const film = filmOf(state, at.arm);
  const steps = film ? film.steps : [];
  const before = frameOf(state, "original", 0);
  const placebo = armOf(state, at.arm).placebo;
  const stepped = steps.length > 1;
  return {
    film, steps, stepped,
    index: stepped ? Math.max(0, steps.indexOf(at.step)) : 0,
    frame: frameOf(state, at.arm, at.step),
    before: at.arm === "original" ? null : before,
    placebo: placebo && at.arm !== "original" && at.arm !== placebo ? frameOf(state, placebo, at.step) : null,
    after: (state.data.film.after[at.arm] || [])[state.data.film.layers.indexOf(at.layer)] || null,
  };
}

// ---- the histogram -----------------------------------------------------------------------------------------------

const shares = (counts) => {
  const total = counts.reduce((sum, count) => sum + count, 0) || 1;
  return counts.map((count) => count / total);
};

// The reach of both axes over all steps of the layer, so that nothing but the histogram moves.
function reach(state, view) {
  const key = `${state.key}/${state.at.arm}/${state.at.layer}/${state.at.distance}`;
  if (state.reached && state.reached.key === key) return state.reached;
  let right = 0, top = 0;
  const layer = state.data.film.layers.indexOf(state.at.layer);
  const beside = filmOf(state, armOf(state, state.at.arm).placebo);
  const frames = [view.film, beside].flatMap((film) => (film ? film.rows : [])).map((rows) => rows[layer]);
  for (const frame of [...frames, view.before]) {
    const numbers = numbersOf(state, frame);
    if (!numbers || !numbers.histograms) continue;
    for (const counts of numbers.histograms) {
      const parts = shares(counts);
      const last = parts.findLastIndex((part) => part > 0.002);
      right = Math.max(right, ((last + 1) / counts.length) * numbers.edge);
      top = Math.max(top, ...parts);
    }
  }
  state.reached = { key, right: right || 1, top: top || 1 };
  return state.reached;
}

function outline(counts, edge, place) {
  const parts = shares(counts);
  const width = edge / parts.length;
  let path = `M${place.x(0)} ${place.y(0)}`;
  for (const [bin, part] of parts.entries()) {
    if (bin * width > place.right + 1e-9) break;
    path += `V${place.y(part).toFixed(1)}H${place.x(Math.min(place.right, (bin + 1) * width)).toFixed(1)}`;
  }
  return `${path}V${place.y(0)}Z`;
}

const LAYERS = [
  ["before", 0, "adj-ghost is-related"], ["before", 1, "adj-ghost is-unrelated"],
  ["placebo", 0, "adj-placebo is-related"], ["placebo", 1, "adj-placebo is-unrelated"],
  ["frame", 1, "adj-fill is-unrelated"], ["frame", 0, "adj-fill is-related"],
];

// The distances whose word pairs are listed below: dragged over, or typed into the page.
function drawBrush(state, place) {
  const brush = state.parts.histogram.querySelector(".adj-brush");
  const { low, high } = state.at;
  const chosen = low !== null || high !== null;
  brush.style.display = chosen ? "" : "none";
  if (!chosen) return;
  const ends = [low ?? 0, high ?? place.right].map((value) => place.x(Math.min(value, place.right)));
  brush.setAttribute("x", ends[0]);
  brush.setAttribute("width", Math.max(1, ends[1] - ends[0]));
}

function brushWith(state) {
  const svg = state.parts.histogram;
  const distanceAt = (event) => {
    const box = svg.getBoundingClientRect(), { wide } = state.sizes.histogram;
    const share = (((event.clientX - box.left) / box.width) * wide - 40) / (wide - 52);
    return Math.min(1, Math.max(0, share)) * state.reached.right;
  };
  let start = null;
  svg.addEventListener("pointerdown", (event) => {
    start = event.isPrimary && event.button === 0 ? distanceAt(event) : null;
    if (start !== null) svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (start === null) return;
    const ends = [start, distanceAt(event)].sort((a, b) => a - b).map((value) => Number(value.toFixed(3)));
    if (ends[1] - ends[0] > state.reached.right / 100) move(state, { low: ends[0], high: ends[1], dragged: true });
  });
  svg.addEventListener("pointerup", () => {
    if (start !== null && !state.at.dragged && (state.at.low !== null || state.at.high !== null)) move(state, { low: null, high: null });
    state.at.dragged = false;
    start = null;
  });
}

function drawHistogram(state, view) {
  const svg = state.parts.histogram;
  const { wide, high } = state.sizes.histogram;
  svg.setAttribute("viewBox", `0 0 ${wide} ${high}`);
  const { right, top } = reach(state, view);
  const place = {
    right,
    x: (value) => 40 + (value / right) * (wide - 52),
    y: (part) => high - 38 - (part / top) * (high - 48),
  };
  const key = `${wide}/${right}/${top}/${state.at.layer}/${state.at.distance}/${state.at.arm}`;
  if (svg.dataset.key !== key) {
    svg.dataset.key = key;
    svg.replaceChildren();
    const across = niceTicks(0, right, wide > 420 ? 6 : 4), up = niceTicks(0, top, 3);
    for (const tick of up.ticks) {
      svg.append(draw("line", { class: "adj-rule", x1: 40, x2: wide - 12, y1: place.y(tick), y2: place.y(tick) }));
      svg.append(draw("text", { class: "adj-tick", x: 34, y: place.y(tick) + 4, "text-anchor": "end" }, `${Math.round(100 * tick)}%`));
    }
    for (const tick of across.ticks) {
      svg.append(draw("text", { class: "adj-tick", x: place.x(tick), y: high - 22, "text-anchor": "middle" }, fixed(tick, across.digits)));
    }
    const kind = KINDS[state.at.distance];
    svg.append(draw("text", { class: "adj-tick", x: 40 + (wide - 52) / 2, y: high - 4, "text-anchor": "middle" }, `${kind}; up: share of word pairs`));
    svg.append(draw("rect", { class: "adj-brush", y: 10, height: high - 48 }));
    for (const [from, which, name] of LAYERS) svg.append(draw("path", { class: name, "data-from": from, "data-which": which }));
    svg.append(draw("text", { class: "adj-empty", x: wide / 2, y: high / 2 - 10, "text-anchor": "middle" }));
  }
  for (const path of svg.querySelectorAll("path")) {
    const numbers = numbersOf(state, view[path.dataset.from]);
    const known = numbers && numbers.histograms;
    path.style.display = known ? "" : "none";
    if (known) path.setAttribute("d", outline(numbers.histograms[path.dataset.which], numbers.edge, place));
  }
  drawBrush(state, place);
  const numbers = numbersOf(state, view.frame);
  svg.querySelector(".adj-empty").textContent = !numbers ? state.data.notRun
    : numbers.histograms ? "" : "histograms of this arm were kept at the last layer alone";
  svg.setAttribute("aria-label", `${state.parts.finding.textContent}: histograms of ${KINDS[state.at.distance]} of related and unrelated word pairs`);
}

// ---- numbers beside it -------------------------------------------------------------------------------------------

const COLUMNS = ["AUC", "overlap", "related", "unrelated", "retrieval", "loss"];

function numberRow(state, name, frame, className) {
  const numbers = numbersOf(state, frame);
  const cells = numbers
    ? [fixed(numbers.auc, 3), fixed(numbers.overlap, 2), ...[numbers.related, numbers.unrelated].map((value) => fixed(value, state.at.distance === "l2" ? 2 : 3)),
      fixed(frame.retrieval, 3), fixed(frame.loss, 4)]
    : null;
  const row = make("tr", { class: className }, make("th", { scope: "row" }, name));
  if (cells) row.append(...cells.map((text) => make("td", {}, text)));
  else row.append(make("td", { colspan: COLUMNS.length, class: "is-none" }, state.data.notRun));
  return row;
}

function drawNumbers(state, view) {
  const arm = armOf(state, state.at.arm);
  const when = view.stepped ? `${arm.name}, step ${state.at.step}` : arm.key === "original" ? "original, before any step" : `${arm.name}, after training`;
  const rows = [numberRow(state, when, view.frame, "is-frame")];
  if (arm.key !== "original") rows.push(numberRow(state, "before", view.before, "is-ghost"));
  if (arm.key !== "original" && arm.placebo && arm.placebo !== arm.key) {
    rows.push(numberRow(state, view.stepped ? `placebo, step ${state.at.step}` : "placebo", view.placebo, "is-placebo"));
  }
  if (!arm.key.startsWith("continual")) rows.push(numberRow(state, `after ${state.data.task} training`, view.after, ""));
  state.parts.numbers.replaceChildren(...rows);
}

function drawFinding(state, view) {
  const now = numbersOf(state, view.frame), before = numbersOf(state, view.before);
  const layer = `layer ${state.at.layer}`;
  let text = `Word pairs: ${state.data.notRun}`;
  if (now && before) {
    const change = now.auc - before.auc;
    const way = fixed(Math.abs(change), 3) === "0.000" ? "as before" : `${fixed(before.auc, 3)} before`;
    text = `AUC ${fixed(now.auc, 3)} at ${layer}, ${way}`;
  } else if (now) text = `AUC ${fixed(now.auc, 3)} at ${layer}`;
  state.parts.finding.textContent = text;
}

// ---- the curves --------------------------------------------------------------------------------------------------

const CURVES = [
  ["AUC", 3, (state, frame) => numbersOf(state, frame)?.auc],
  ["retrieval", 3, (_, frame) => frame?.retrieval],
  ["loss", 4, (_, frame) => frame?.loss],
];
const CURVE_NAMES = { AUC: "AUC", retrieval: "retrieval", loss: "loss" };

function seriesOf(state, arm, value) {
  const film = filmOf(state, arm);
  if (!film || film.steps.length < 2) return [];
  const layer = state.data.film.layers.indexOf(state.at.layer);
  return film.steps.map((step, index) => [step, value(state, film.rows[index][layer])]).filter(([, y]) => y !== undefined);
}

function drawCurve(state, view, figure, [name, digits, value]) {
  const svg = figure.querySelector("svg");
  const { wide, high } = state.sizes.curve;
  svg.setAttribute("viewBox", `0 0 ${wide} ${high}`);
  const main = view.stepped ? state.at.arm : "adjusted";
  const drawn = [["placebo", "adj-line is-placebo"], ["adjusted", "adj-line is-adjusted"]]
    .map(([arm, className]) => [arm, className, seriesOf(state, arm, value)]).filter(([, , points]) => points.length);
  const after = name === "AUC" && numbersOf(state, view.after);
  const all = drawn.flatMap(([, , points]) => points.map(([, y]) => y)).concat(after ? [after.auc] : []);
  svg.replaceChildren();
  const title = figure.querySelector("figcaption");
  if (!all.length) {
    title.textContent = `${CURVE_NAMES[name]}: ${state.data.notRun}`;
    svg.setAttribute("aria-label", title.textContent);
    return;
  }
  const steps = drawn.flatMap(([, , points]) => points.map(([x]) => x));
  const last = Math.max(1, ...steps);
  let low = Math.min(...all), high_ = Math.max(...all);
  const least = 10 ** -digits * 4;
  if (high_ - low < least) [low, high_] = [(low + high_ - least) / 2, (low + high_ + least) / 2];
  const room = after ? 22 : 8;
  const x = (step) => 6 + (step / last) * (wide - 6 - room), y = (v) => high - 8 - ((v - low) / (high_ - low)) * (high - 18);
  svg.append(draw("line", { class: "adj-rule", x1: 6, x2: wide - room, y1: high - 4, y2: high - 4 }));
  for (const step of new Set(steps)) svg.append(draw("line", { class: "adj-mark", x1: x(step), x2: x(step), y1: high - 6, y2: high - 2 }));
  for (const [, className, points] of drawn) {
    svg.append(draw("polyline", { class: className, points: points.map(([s, v]) => `${x(s).toFixed(1)},${y(v).toFixed(1)}`).join(" ") }));
  }
  for (const [arm, , points] of drawn) {
    const now = points.find(([step]) => step === state.at.step);
    if (now && view.stepped) svg.append(draw("circle", { class: `adj-now is-${arm}`, cx: x(now[0]), cy: y(now[1]), r: arm === main ? 4.5 : 3.5 }));
  }
  if (after) {
    const cx = wide - 9, cy = y(after.auc);
    svg.append(draw("path", { class: "adj-after", d: `M${cx - 5} ${cy}L${cx} ${cy - 5}L${cx + 5} ${cy}L${cx} ${cy + 5}Z` }));
    svg.lastChild.append(draw("title", {}, `after ${state.data.task} training: AUC ${fixed(after.auc, 3)}`));
  }
  const now = value(state, view.frame);
  const ends = [Math.min(...all), Math.max(...all)].map((end) => fixed(end, 3));
  const span = ends[0] === ends[1] ? "throughout" : ends.join(" to ");
  title.replaceChildren(`${CURVE_NAMES[name]} `, make("b", {}, fixed(now, digits)), make("span", {}, span));
  svg.setAttribute("aria-label", `${CURVE_NAMES[name]} ${fixed(now, digits)}; over the steps ${span}`);
  svg.onclick = (event) => {
    if (!view.stepped) return;
    const box = svg.getBoundingClientRect();
    const step = ((event.clientX - box.left - 6) / (wide - 6 - room)) * last;
    const nearest = view.steps.reduce((best, each) => (Math.abs(each - step) < Math.abs(best - step) ? each : best));
    move(state, { step: nearest });
  };
}

function drawSlider(state, view) {
  const { slider, stepped, play } = state.parts;
  slider.max = Math.max(0, view.steps.length - 1);
  slider.value = view.index;
  slider.disabled = play.disabled = !view.stepped;
  const film = view.film;
  const seed = film && film.seed ? `, seed ${film.seed}${film.seeds > 1 ? ` of ${film.seeds}` : ""}` : "";
  const text = view.stepped ? `step ${state.at.step} of ${view.steps.at(-1)}${seed}`
    : film ? (state.at.arm === "original" ? "before any step" : "measured once, after training") : `steps: ${state.data.notRun}`;
  stepped.textContent = text;
  slider.setAttribute("aria-valuetext", text);
  if (state.parts.ticks.childElementCount !== view.steps.length) state.parts.ticks.replaceChildren(...view.steps.map((_, index) => {
    const tick = make("i");
    tick.style.insetInlineStart = `${(100 * index) / Math.max(1, view.steps.length - 1)}%`;
    return tick;
  }));
}

// ---- the arms' scores --------------------------------------------------------------------------------------------

function domains(columns, rows, marks, view) {
  const ends = columns.map((column) => {
    const values = rows.flatMap((row) => {
      const mark = marks[`${row.key}|${column.key}`];
      return mark ? [...mark.values, mark.low, mark.high].filter((value) => value !== null) : [];
    });
    if (view === "difference" && values.length) values.push(0);
    return values.length ? [Math.min(...values), Math.max(...values)] : null;
  });
  const span = Math.max(4, ...ends.filter(Boolean).map(([low, high]) => (high - low) * 1.25));
  return ends.map((pair) => pair && [(pair[0] + pair[1] - span) / 2, (pair[0] + pair[1] + span) / 2]);
}

function scoreCell(mark, domain, view, base) {
  const cell = make("td");
  if (!mark) {
    cell.append(make("span", { class: "is-none" }, "not run"));
    return cell;
  }
  const place = (value) => `${(100 * (value - domain[0])) / (domain[1] - domain[0])}%`;
  const strip = make("span", { class: "adj-strip", "aria-hidden": "true" });
  const rule = view === "difference" ? 0 : base;
  if (rule !== null && rule !== undefined) {
    const line = make("i", { class: "adj-base" });
    line.style.insetInlineStart = place(rule);
    strip.append(line);
  }
  if (mark.low !== null) {
    const bar = make("i", { class: "adj-bar95" });
    bar.style.insetInlineStart = place(mark.low);
    bar.style.insetInlineEnd = `calc(100% - ${place(mark.high)})`;
    strip.append(bar);
  }
  for (const value of mark.values) {
    const dot = make("i", { class: "adj-dot" });
    dot.style.insetInlineStart = place(value);
    strip.append(dot);
  }
  const write = view === "difference" ? signed : fixed;
  const seeds = mark.seeds.map((seed, index) => `seed ${seed} ${write(mark.values[index], 1)}`).join(", ");
  cell.title = `${seeds}; n = ${mark.n} items${mark.low === null ? "" : `; 95% ${write(mark.low, 1)} to ${write(mark.high, 1)}`}`;
  cell.append(strip, make("b", {}, write(mark.mean, 1)), make("span", { class: "adj-hidden" }, ` (${cell.title})`));
  return cell;
}

function drawScores(state) {
  const { scores } = state.data, view = state.at.view;
  const shown = `${view}/${state.at.arm}`;
  if (state.scoresShown === shown) return;
  state.scoresShown = shown;
  const { rows, marks } = scores[view];
  const ranges = domains(scores.columns, rows, marks, view);
  const head = make("tr", {}, make("td"));
  for (const column of scores.columns) {
    head.append(make("th", { scope: "col" }, column.name, make("small", {}, column.role)));
  }
  const body = rows.map((row) => {
    const number = view === "score" ? `${state.data.arms.findIndex((arm) => arm.key === row.arm) + 1} ` : "";
    const line = make("tr", { class: row.arm === state.at.arm ? "is-chosen" : "" }, make("th", { scope: "row" }, number + row.name));
    for (const [index, column] of scores.columns.entries()) {
      const base = marks[`original||${column.key}`];
      line.append(scoreCell(marks[`${row.key}|${column.key}`], ranges[index], view, base && base.mean));
    }
    return line;
  });
  const foot = make("tr", { class: "adj-axis" }, make("td"));
  for (const range of ranges) {
    const cell = make("td");
    if (range) cell.append(make("span", {}, fixed(range[0], 0)), make("span", {}, fixed(range[1], 0)));
    foot.append(cell);
  }
  state.parts.scores.replaceChildren(make("thead", {}, head), make("tbody", {}, ...body, foot));
  const many = Object.values(marks).some((mark) => mark.low !== null);
  const unit = view === "score" ? `${scores.metric[0].toUpperCase()}${scores.metric.slice(1)}, points` : `Difference of ${scores.metric}, points, same items`;
  const line = view === "score" ? "the line is the original" : "the line is no difference";
  state.parts.scored.textContent = `${unit}. A dot is a seed, the number their mean; ${line}. ${many ? "Bars: 95% over seeds." : "Intervals from five seeds up."}`;
  const ran = new Set(Object.keys(marks).map((key) => key.split("|")[0]));
  const total = view === "score" ? rows.length : new Set(rows.map((row) => row.arm)).size;
  state.parts.scoreFinding.textContent = ran.size ? `${VIEWS[view]} by arm: ${ran.size} of ${total} arms run` : `${VIEWS[view]} by arm: ${state.data.notRun}`;
}

// ---- all at once -------------------------------------------------------------------------------------------------

// Sizes are read when they may have changed, and not between two writes, which would lay the page out each time.
function measure(state) {
  const sizes = (svg, wide, high) => ({ wide: svg.clientWidth || wide, high: svg.clientHeight || high });
  state.sizes = {
    histogram: sizes(state.parts.histogram, 520, 176),
    curve: sizes(state.parts.curves[0].querySelector("svg"), 180, 64),
  };
}

function show(state) {
  const view = look(state);
  drawFinding(state, view);
  drawSlider(state, view);
  drawHistogram(state, view);
  drawNumbers(state, view);
  for (const [index, curve] of CURVES.entries()) drawCurve(state, view, state.parts.curves[index], curve);
  drawScores(state);
  for (const button of state.parts.bar.querySelectorAll("[data-set]")) {
    button.setAttribute("aria-pressed", String(state.at[button.dataset.set] === button.dataset.value));
  }
  for (const button of state.parts.views.querySelectorAll("[data-set]")) {
    button.setAttribute("aria-pressed", String(state.at.view === button.dataset.value));
  }
  state.parts.layer.value = String(state.at.layer);
}

function move(state, change) {
  Object.assign(state.at, change);
  show(state);
  clearTimeout(state.telling);
  state.moved = true;
  state.telling = setTimeout(() => {
    state.moved = false;
    state.send({ ...state.at });
  }, TELL_AFTER);
}

function stepBy(state, by) {
  const view = look(state);
  if (!view.stepped) return false;
  const index = Math.min(view.steps.length - 1, Math.max(0, view.index + by));
  if (index !== view.index) move(state, { step: view.steps[index] });
  return index !== view.index;
}

function chooseArm(state, arm) {
  const film = filmOf(state, arm);
  const there = film && film.steps.length > 1 && !film.steps.includes(state.at.step);
  move(state, there ? { arm, step: film.steps.at(-1) } : { arm });
}

function stop(state) {
  clearInterval(state.playing);
  state.playing = null;
  state.parts.play.setAttribute("aria-pressed", "false");
}

function playFrom(state) {
  if (state.playing) return stop(state);
  const view = look(state);
  if (view.index === view.steps.length - 1) move(state, { step: view.steps[0] });
  state.parts.play.setAttribute("aria-pressed", "true");
  state.playing = setInterval(() => {
    if (!state.root.isConnected || !stepBy(state, 1)) stop(state);
  }, PLAY_EVERY);
  return undefined;
}

// Arrows, 1 to 5 and N act wherever nothing else wants them.
function press(state, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const active = document.activeElement;
  const free = !active || active === document.body || (state.root.contains(active) && !active.matches("select"));
  if (!free) return;
  const arm = state.data.arms[Number(event.key) - 1];
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (arm && /^[1-5]$/.test(event.key)) chooseArm(state, arm.key);
  else if (by) stepBy(state, by);
  else if (event.key.toLowerCase() === "n" && !event.repeat) state.next();
  else return;
  event.preventDefault();
}

const choice = (label, name, options) => make("div", { class: "adj-choice", role: "group", "aria-label": label },
  ...options.map(([value, text, note]) => make("button", { type: "button", "data-set": name, "data-value": value, "aria-pressed": "false" },
    text, ...(note ? [make("small", {}, note)] : []))));

function curveFigure() {
  const svg = draw("svg", { class: "adj-curve", role: "img" });
  return make("figure", {}, make("figcaption"), svg);
}

function build(state) {
  const { data, root } = state;
  const none = data.notRun;
  const arms = choice("Arm", "arm", data.arms.map((arm, index) => [arm.key, `${index + 1} ${arm.name}`,
    arm.state === none && !data.film.films[arm.key] ? none : ""]));
  const kinds = choice("Distance", "distance", [["cosine", "cosine"], ["l2", "L2"]]);
  const views = choice("Scores as", "view", [["score", "score"], ["difference", "difference"]]);
  const layer = make("select", { "aria-label": "Layer" }, ...data.film.layers.map((number) => make("option", { value: number }, `layer ${number}`)));
  layer.disabled = !data.film.layers.length;
  const slider = make("input", { type: "range", min: 0, step: 1, "aria-label": "Step" });
  const ticks = make("span", { class: "adj-ticks", "aria-hidden": "true" });
  const play = make("button", { type: "button", class: "adj-play", "aria-label": "Play the steps", "aria-pressed": "false" });
  const stepped = make("output", { class: "adj-stepped" });
  const histogram = draw("svg", { class: "adj-histogram", role: "img" });
  const numbers = make("tbody");
  const head = make("tr", {}, make("td"), ...COLUMNS.map((name) => make("th", { scope: "col" }, name)));
  const curves = CURVES.map(curveFigure);
  const finding = make("h2", { class: "ccta-heading" }), scoreFinding = make("h2", { class: "ccta-heading" });
  const scores = make("table", { class: "adj-scores" }), scored = make("p", { class: "adj-note" });
  const legend = make("p", { class: "adj-legend" },
    ...[["is-related", "related"], ["is-unrelated", "unrelated"], ["is-ghost", "before"], ["is-placebo", "placebo"]]
      .map(([name, text]) => make("span", { class: name }, text)));
  const bar = make("div", { class: "adj-bar" }, arms, kinds, layer);
  const top = (heading, side) => make("div", { class: "adj-top" }, heading, side);
  root.replaceChildren(bar, make("div", { class: "adj-panels" },
    make("section", { "aria-label": "Distances of word pairs" }, top(finding, legend), histogram,
      make("div", { class: "adj-slider" }, play, make("span", { class: "adj-track" }, ticks, slider), stepped),
      make("table", { class: "adj-numbers" }, make("thead", {}, head), numbers),
      make("div", { class: "adj-curves" }, ...curves)),
    make("section", { "aria-label": "Scores by arm" }, top(scoreFinding, views), scores, scored)));
  state.parts = { bar, views, layer, slider, ticks, play, stepped, histogram, numbers, curves, finding, scoreFinding, scores, scored };
  for (const part of [bar, views]) {
    part.addEventListener("click", (event) => {
      const button = event.target.closest("[data-set]");
      if (!button) return;
      if (button.dataset.set === "arm") chooseArm(state, button.dataset.value);
      else move(state, { [button.dataset.set]: button.dataset.value });
    });
  }
  layer.addEventListener("change", () => move(state, { layer: Number(layer.value) }));
  slider.addEventListener("input", () => move(state, { step: look(state).steps[Number(slider.value)] }));
  play.addEventListener("click", () => playFrom(state));
  brushWith(state);
}

// ---- as a file ---------------------------------------------------------------------------------------------------

const KEPT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-family", "display"];

function copied(svg, x, y) {
  const clone = svg.cloneNode(true);
  const from = [...svg.querySelectorAll("*")], to = [...clone.querySelectorAll("*")];
  for (const [index, node] of from.entries()) {
    const style = getComputedStyle(node);
    for (const name of KEPT) to[index].setAttribute(name, style.getPropertyValue(name));
    to[index].removeAttribute("class");
    to[index].removeAttribute("style");
  }
  const group = draw("g", { transform: `translate(${x} ${y})` });
  group.append(...clone.childNodes);
  return group;
}

// The scores as a drawing of their own: a strip of the table's kind for every arm and language.
function drawnScores(state, line, left, top) {
  const { scores } = state.data, view = state.at.view, group = draw("g");
  const { rows, marks } = scores[view], ranges = domains(scores.columns, rows, marks, view);
  const quiet = getComputedStyle(state.parts.scored).color, accent = getComputedStyle(state.parts.play).getPropertyValue("color");
  for (const [index, column] of scores.columns.entries()) line(column.name, left + 170 + 110 * index, top, 12);
  for (const [number, row] of rows.entries()) {
    const y = top + 26 + 26 * number;
    line(row.name, left, y, 12);
    for (const [index, column] of scores.columns.entries()) {
      const mark = marks[`${row.key}|${column.key}`], x = left + 170 + 110 * index;
      if (!mark) { line(state.data.notRun, x, y, 12); continue; }
      const place = (value) => x + (56 * (value - ranges[index][0])) / (ranges[index][1] - ranges[index][0]);
      if (mark.low !== null) group.append(draw("line", { x1: place(mark.low), x2: place(mark.high), y1: y - 4, y2: y - 4, stroke: quiet, "stroke-width": 2 }));
      for (const value of mark.values) group.append(draw("circle", { cx: place(value), cy: y - 4, r: 3.5, fill: accent, "fill-opacity": 0.7 }));
      line((view === "difference" ? signed : fixed)(mark.mean, 1), x + 64, y, 12);
    }
  }
  return group;
}

// Both panels as they stand, the finding as title.
function toSvg(state) {
  const { histogram, curves, finding, stepped, scoreFinding } = state.parts;
  const high = histogram.clientHeight, columns = state.data.scores.columns.length;
  const wide = Math.max(histogram.clientWidth + 32, 220 + 110 * columns);
  const rows = state.data.scores[state.at.view].rows.length, whole = high + 220 + 26 * rows;
  const ink = getComputedStyle(finding).color, font = getComputedStyle(finding).fontFamily;
  const svg = draw("svg", { xmlns: NS, width: wide, height: whole, viewBox: `0 0 ${wide} ${whole}` });
  const line = (text, x, y, size) => svg.append(draw("text", { x, y, fill: ink, "font-size": size, "font-family": font }, text));
  svg.append(draw("title", {}, finding.textContent));
  line(`${state.data.language}, ${armOf(state, state.at.arm).name}, ${stepped.textContent}: ${finding.textContent}`, 16, 24, 14);
  svg.append(copied(histogram, 16, 36));
  let x = 16;
  for (const figure of curves) {
    const curve = figure.querySelector("svg");
    line(figure.querySelector("svg").getAttribute("aria-label").split(";")[0], x, high + 58, 12);
    svg.append(copied(curve, x, high + 64));
    x += curve.clientWidth + 12;
  }
  line(`${scoreFinding.textContent}, ${state.data.scores.metric} in ${state.data.task}, points`, 16, high + 160, 14);
  svg.append(drawnScores(state, line, 16, high + 186));
  svg.prepend(draw("rect", { width: "100%", height: "100%", fill: getComputedStyle(state.root.closest(".stApp")).backgroundColor }));
  return new XMLSerializer().serializeToString(svg);
}

// Called when the component is mounted and again whenever its data change.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".adj-root");
  let state = pictures.get(root);
  if (!state) {
    state = { root, key: null };
    pictures.set(root, state);
    state.onKey = (event) => (root.isConnected ? press(state, event) : document.removeEventListener("keydown", state.onKey));
    document.addEventListener("keydown", state.onKey);
    state.watch = new ResizeObserver(([entry]) => {
      const wide = Math.round(entry.contentRect.width);
      if (!state.parts || wide === state.wide) return;
      state.wide = wide;
      measure(state);
      show(state);
    });
    state.watch.observe(root);
    root.cctaPicture = { toSvg: () => toSvg(state) };
  }
  state.send = (at) => setTriggerValue("at", at);
  state.next = () => setTriggerValue("next", true);
  const anew = state.key !== data.key || JSON.stringify(state.data.film.layers) !== JSON.stringify(data.film.layers);
  state.data = data;
  state.scoresShown = state.reached = null;
  if (anew || !state.moved) state.at = { ...data.at, dragged: false };
  if (anew) {
    state.key = data.key;
    if (state.playing) stop(state);
    clearTimeout(state.telling);
    state.moved = false;
    build(state);
    measure(state);
  }
  show(state);
  return () => {
    clearInterval(state.playing);
    clearTimeout(state.telling);
  };
}
