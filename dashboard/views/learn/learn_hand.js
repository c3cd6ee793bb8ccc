// Step 6: a plan moved by hand. A cell never takes more than its row and its column still hold.
const STEP = 0.05;
const WHOLE = 1e-6;
const FITTING = 7; // columns of a plan that fit beside each other
const FEW = 0.0995; // below it a share is told with a decimal

function drawHand(root, data) {
  const [n, m] = [data.source.length, data.target.length];
  const fits = data.plan && data.plan.length === n && data.plan.every((row) => row.length === m);
  const state = {
    plan: fits ? data.plan.map((row) => [...row]) : data.similarity.map((row) => row.map(() => 0)),
    optimum: false,
    waiting: 0,
  };
  const shown = () => (state.optimum ? data.optimum : state.plan);
  const rowLeft = (plan, i) => data.source[i].mass - plan[i].reduce((a, b) => a + b, 0);
  const columnLeft = (plan, j) => data.target[j].mass - plan.reduce((a, row) => a + row[j], 0);

  const cells = data.similarity.map((row, i) => row.map((cosine, j) => cellOf(i, j, cosine)));
  const rows = data.source.map((word, i) => headOf(word, data.langs[0], "row", i));
  const columns = data.target.map((word, j) => headOf(word, data.langs[1], "column", j));
  const grid = make("div", { class: "learn-grid", role: "grid", "aria-label": data.name });
  grid.style.setProperty("--columns", m);
  // Few columns share the width; of many each is as wide as the longest word, and the grid scrolls.
  const longest = Math.max(4, ...data.target.map((word) => word.text.length));
  grid.style.setProperty("--least", m > FITTING ? `${longest * 0.62 + 1}em` : "0px");
  // Columns stand in the order in which their language is read.
  const ordered = (line) => (data.rtl ? [...line].reverse() : line);
  const right = data.rtl ? -1 : 1;
  const heads = ordered(columns.map((one) => one.head));
  grid.append(
    make("div", { role: "row", class: "learn-row" }, make("span", { role: "columnheader" }), ...heads),
    ...cells.map((line, i) =>
      make("div", { role: "row", class: "learn-row" }, rows[i].head, ...ordered(line.map((one) => one.cell)))),
  );
  const told = make("p", { class: "learn-status", role: "status" });
  const best = make("button", { type: "button", class: "learn-button", "aria-pressed": "false" }, "Show the optimum");
  const clear = make("button", { type: "button", class: "learn-button" }, "Empty");
  const score = make("b", { class: "learn-score" });
  const bar = make("span", { class: "learn-moved" });
  const side = make("div", { class: "learn-side" },
    make("span", { class: "learn-caption" }, "score of this plan"), score,
    make("span", { class: "learn-progress" }, bar), told,
    make("div", { class: "learn-buttons" }, best, clear));
  root.append(make("div", { class: m > FITTING ? "learn-hand is-wide" : "learn-hand" }, grid, side));

  function change(i, j, amount) {
    if (state.optimum) return;
    const room = Math.max(0, Math.min(rowLeft(state.plan, i), columnLeft(state.plan, j)));
    const now = state.plan[i][j];
    const next = Math.max(0, Math.min(now + room, now + amount));
    // What is left after a full step may be a crumb of rounding: take it along.
    state.plan[i][j] = next < WHOLE ? 0 : next;
    show(next === now && amount > 0 ? full(i, j) : "");
    tell();
  }
  function full(i, j) {
    const [word, lang] = rowLeft(state.plan, i) <= WHOLE ? [data.source[i].text, data.langs[0]] : [data.target[j].text, data.langs[1]];
    return [wordOf(word, lang), " has nothing left. "];
  }
  function toggle(i, j) { change(i, j, state.plan[i][j] > WHOLE ? -2 : 2); }
  function tell() {
    clearTimeout(state.waiting);
    state.waiting = setTimeout(() => state.report && state.report({ key: data.key, plan: state.plan }), 150);
  }
  function show(first) {
    const plan = shown();
    cells.forEach((line, i) => line.forEach((one, j) => paint(one, plan[i][j], i, j)));
    rows.forEach((one, i) => level(one, rowLeft(plan, i), data.source[i].mass));
    columns.forEach((one, j) => level(one, columnLeft(plan, j), data.target[j].mass));
    const moved = plan.flat().reduce((a, b) => a + b, 0);
    const off = Math.max(...data.source.map((_, i) => Math.abs(rowLeft(plan, i))), ...data.target.map((_, j) => Math.abs(columnLeft(plan, j))));
    const value = plan.flat().reduce((sum, mass, at) => sum + mass * data.similarity[Math.floor(at / m)][at % m], 0);
    const whole = off <= WHOLE;
    score.textContent = whole ? fixed(value, 3) : "none yet";
    root.dataset.score = whole ? value.toFixed(6) : "";
    bar.style.width = `${100 * Math.min(1, moved)}%`;
    told.replaceChildren(...(first || []), state.optimum ? "This is the optimum: no plan scores higher." : whole
      ? "Everything has moved." : `${percent(moved)} moved, ${percent(1 - moved)} left over: a plan counts once everything has moved.`);
    best.setAttribute("aria-pressed", String(state.optimum));
    best.textContent = state.optimum ? "Back to mine" : "Show the optimum";
    clear.disabled = state.optimum;
    grid.classList.toggle("is-optimum", state.optimum);
  }
  function paint(one, mass, i, j) {
    one.mass.textContent = mass > WHOLE ? share(mass) : "";
    one.fill.style.height = `${100 * Math.sqrt(Math.min(1, mass))}%`;
    one.cell.classList.toggle("is-used", mass > WHOLE);
    const room = Math.max(0, Math.min(rowLeft(shown(), i), columnLeft(shown(), j)));
    one.take.setAttribute("aria-label",
      `${data.source[i].text} to ${data.target[j].text}: ${percent(mass, 1)} moved, cosine ${fixed(one.cosine)}, room for ${percent(room, 1)}`);
  }
  function cellOf(i, j, cosine) {
    const fillBar = make("span", { class: "learn-fill" });
    const mass = make("b", { class: "learn-mass" });
    const take = make("button", { type: "button", class: "learn-take", tabindex: i + j ? -1 : 0, "data-cell": `${i}-${j}` },
      fillBar, make("span", { class: "learn-cosine" }, fixed(cosine)), mass);
    const less = make("button", { type: "button", class: "learn-step", tabindex: -1, "aria-hidden": "true" }, MINUS);
    const more = make("button", { type: "button", class: "learn-step", tabindex: -1, "aria-hidden": "true" }, "+");
    const cell = make("div", { class: "learn-cell", role: "gridcell" }, take, make("span", { class: "learn-steps" }, less, more));
    cell.style.setProperty("--near", `${Math.round(100 * Math.max(0, cosine))}%`);
    take.addEventListener("click", () => toggle(i, j));
    less.addEventListener("click", () => change(i, j, -STEP));
    more.addEventListener("click", () => change(i, j, STEP));
    take.addEventListener("keydown", (event) => press(event, i, j));
    return { cell, take, mass, fill: fillBar, cosine };
  }
  function press(event, i, j) {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -right], ArrowRight: [0, right] };
    const move = moves[event.key];
    const amount = { "+": STEP, "=": STEP, "-": -STEP, Delete: -2, Backspace: -2 }[event.key];
    if (amount) change(i, j, amount);
    else if (move) {
      const next = cells[Math.min(n - 1, Math.max(0, i + move[0]))][Math.min(m - 1, Math.max(0, j + move[1]))];
      cells.flat().forEach((one) => { one.take.tabIndex = -1; });
      next.take.tabIndex = 0;
      next.take.focus();
    } else return;
    event.preventDefault();
  }
  best.addEventListener("click", () => { state.optimum = !state.optimum; show(); });
  clear.addEventListener("click", () => { state.plan = data.similarity.map((row) => row.map(() => 0)); show(); tell(); });
  show();
  return state;
}

function share(mass) {
  return percent(mass, mass < FEW ? 1 : 0);
}

function headOf(word, lang, kind, at) {
  const left = make("small", { class: "learn-left", "data-left": `${kind}-${at}` });
  const bar = make("span", { class: "learn-level" });
  const head = make("div", { class: `learn-head is-${kind}`, role: kind === "row" ? "rowheader" : "columnheader" },
    wordOf(word.text, lang), make("span", { class: "learn-tank", "aria-hidden": "true" }, bar), left);
  return { head, left, bar };
}

function level(one, left, mass) {
  one.left.textContent = Math.abs(left) <= WHOLE ? `${share(mass)} done` : `${share(left)} left`;
  one.head.classList.toggle("is-done", Math.abs(left) <= WHOLE);
  one.bar.style.width = `${mass > 0 ? 100 * Math.max(0, Math.min(1, left / mass)) : 0}%`;
}

export default function ({ data, parentElement, setStateValue }) {
  const [, state] = stateOf(parentElement, data, drawHand);
  state.report = (value) => setStateValue("plan", value);
}
