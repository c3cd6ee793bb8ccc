// One scale for both sides: the colour of words, and the legend that tells it.

// Signed share of a side's absolute attribution: comparable between the two languages.
function shares(side) {
  const data = state.payload[side];
  const total = sum(data.attribution.map(Math.abs)) || 1;
  return (state.options.subwords ? data.subword_attribution : data.attribution).map(
    (a) => a / total,
  );
}

function paint() {
  const { dark, view } = state.options;
  if (dark === undefined || dark === null) frame.removeAttribute("data-theme");
  else frame.setAttribute("data-theme", dark ? "dark" : "light");
  const mass = view === "mass";
  const values = {};
  for (const side of SIDES)
    values[side] = mass && !state.options.subwords ? state.payload[side].mass : shares(side);
  // Pictures that are compared share the top of their scale; else it is this picture's own.
  const shared = (state.options.top || {})[mass ? "mass" : "signed"] || 0;
  const top = Math.max(1e-9, shared, ...SIDES.flatMap((side) => values[side].map(Math.abs)));
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
  const words = mass
    ? scale("0", "mass", `${percent(top)} of the mass`)
    : scale(evidence(-1), "signed", evidence(1));
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
  parts.push(...markKeys());
  if (state.options.onEdit && !state.options.subwords) {
    const how = [
      span("ccta-by-keys", "double-click a word, or Enter on it, to edit it"),
      span("ccta-by-touch", "tap a word to edit it"),
    ];
    parts.push(span("ccta-key", ...how));
  }
  if (!mass) parts.push(span("ccta-key ccta-print", "underlined solid: for, dotted: against"));
  legend.replaceChildren(...parts);
}

function markKeys() {
  if (state.options.subwords) return [];
  const any = (kind) =>
    SIDES.some((side) => (((state.options.marks || {})[side] || {})[kind] || []).length);
  return [
    any("gold") ? span("ccta-key", span("ccta-line is-gold"), "right answer") : null,
    any("said") ? span("ccta-key", span("ccta-line is-said"), "predicted answer") : null,
    any("tags") ? span("ccta-key", "under a word: the type of name the model finds") : null,
  ].filter(Boolean);
}
