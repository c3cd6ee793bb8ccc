// Step 2: from padding to the sentence; the slider moves the marker, the slopes and the sums.
const SVG = "http://www.w3.org/2000/svg";
const SECONDS = 7;
const FITTING = 7; // words that fit beside each other on a phone

function drawPath(root, data) {
  const last = data.alphas.length - 1;
  const most = Math.max(...data.rates.flat().map(Math.abs));
  const sums = [0, ...data.so_far.flat(), ...data.totals];
  const [low, high] = [Math.min(...sums), Math.max(...sums)];
  const steepest = Math.max(...data.slopes.map(Math.abs));
  const state = { at: 0, timer: 0, stop: () => cancelAnimationFrame(state.timer) };

  const marker = make("span", { class: "learn-marker" });
  const plot = make("div", { class: "learn-plot", "aria-hidden": "true" }, curve(data), marker);
  for (const share of [0, 0.5, 1]) {
    const tick = make("span", { class: "learn-tick" }, percent(share));
    tick.style.bottom = `${100 * share}%`;
    plot.append(tick);
  }
  const slider = make("input", {
    type: "range", min: 0, max: last, step: 1, class: "learn-slider",
    "aria-label": "alpha, from padding to the sentence",
  });
  const play = make("button", { type: "button", class: "learn-button" }, "Play");
  const told = make("p", { class: "learn-status", role: "status" });
  const columns = data.words.map((text, at) => columnOf(text, data.lang, at));
  const sum = columnOf("all", null, data.words.length);
  sum.column.classList.add("is-sum");
  const grid = make("div", { class: "learn-columns", dir: data.dir });
  // Many words are set smaller, and from 12 pixels on the row scrolls.
  const longest = Math.max(...data.words.map((text) => text.length)) + 2;
  grid.style.setProperty("--letters", 0.62 * longest * (columns.length + 1));
  grid.classList.toggle("is-many", columns.length > FITTING);
  grid.style.setProperty("--least", columns.length > FITTING ? `${longest * 0.62 * 12}px` : "0px");
  grid.append(...columns.map((one) => one.column), sum.column);

  state.show = (at) => {
    state.at = at;
    slider.value = at;
    const [alpha, chance] = [data.alphas[at], data.probability[at]];
    marker.style.left = `${(100 * at) / last}%`;
    marker.style.bottom = `${100 * chance}%`;
    columns.forEach((one, word) => fill(one, data.rates[at][word], data.so_far[at][word], most, low, high));
    fill(sum, data.slopes[at], data.totals[at], steepest, low, high);
    slider.setAttribute("aria-valuetext", `alpha ${alpha.toFixed(2)}, ${data.label} ${percent(chance)}`);
    told.textContent = `alpha ${alpha.toFixed(2)}: ${data.label} ${percent(chance)}, ` +
      `score ${signed(data.totals[at])} logits since padding`;
  };
  let waiting = 0;
  const report = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => state.tell && state.tell(data.alphas[state.at]), 250);
  };
  slider.addEventListener("input", () => { halt(); state.show(Number(slider.value)); });
  slider.addEventListener("change", report);

  const halt = () => { cancelAnimationFrame(state.timer); state.playing = false; play.textContent = "Play"; };
  play.addEventListener("click", () => {
    if (state.playing) { halt(); report(); return; }
    const from = state.at >= last ? 0 : state.at;
    let began = null;
    state.playing = true;
    play.textContent = "Stop";
    const step = (now) => {
      began = began === null ? now : began;
      const at = Math.min(last, Math.round(from + ((now - began) / (1000 * SECONDS)) * last));
      state.show(at);
      if (at >= last) { halt(); report(); } else state.timer = requestAnimationFrame(step);
    };
    state.timer = requestAnimationFrame(step);
  });
  const ends = make("div", { class: "learn-ends is-path" },
    make("span", {}, "alpha 0: padding only"), make("span", {}, "alpha 1: the sentence"));
  root.append(
    make("div", { class: "learn-caption" }, `probability of ${data.label}`), plot,
    make("div", { class: "learn-rail" }, slider), make("div", { class: "learn-under" }, ends, play), told,
    grid,
    make("div", { class: "learn-caption" }, "word: colour and first number, its slope here; bar and second number, the sum of its slopes so far (logits)"),
  );
  return state;
}

function curve(data) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 1 1");
  svg.setAttribute("preserveAspectRatio", "none");
  const line = document.createElementNS(SVG, "polyline");
  line.setAttribute("points", data.alphas.map((x, at) => `${x},${1 - data.probability[at]}`).join(" "));
  line.setAttribute("vector-effect", "non-scaling-stroke");
  svg.append(line);
  return svg;
}

function columnOf(text, lang, at) {
  const chip = make("span", { class: "learn-chip" }, lang ? wordOf(text, lang) : text);
  const slope = make("small", { dir: "ltr" });
  const bar = make("span", { class: "learn-rise" });
  const so = make("b", { dir: "ltr" });
  const well = make("span", { class: "learn-well" }, bar);
  const column = make("div", { class: "learn-column", "data-word": at }, chip, slope, well, so);
  return { column, chip, slope, well, bar, so };
}

function fill(one, slope, sum, most, low, high) {
  one.chip.style.background = tint(slope, most);
  one.slope.textContent = signed(slope, 1);
  one.so.textContent = signed(sum);
  const place = (value) => (100 * (high - value)) / (high - low);
  one.bar.style.top = `${place(Math.max(0, sum))}%`;
  one.bar.style.height = `${place(Math.min(0, sum)) - place(Math.max(0, sum))}%`;
  one.well.style.setProperty("--zero", `${place(0)}%`);
  one.bar.classList.toggle("is-against", sum < 0);
}

export default function ({ data, parentElement, setStateValue }) {
  const [, state] = stateOf(parentElement, data, drawPath);
  state.tell = (alpha) => { state.told = alpha; setStateValue("alpha", alpha); };
  const wanted = data.alphas.indexOf(data.alpha);
  // A redraw that only repeats what the slider told must not move it back.
  if (state.asked !== data.alpha && state.told !== data.alpha) state.show(Math.max(0, wanted));
  state.asked = data.alpha;
  return () => { if (state.stop) state.stop(); };
}
