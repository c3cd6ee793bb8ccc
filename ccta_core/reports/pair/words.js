// Words in reading order, the two sides with what the model says of them.

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
  const tag = (((state.options.marks || {})[side] || {}).tags || [])[index];
  const link = best ? `, strongest partner ${unitText(other(side), partner(best, side))}` : "";
  return `${data.units[index].text}: ${kind}, ${percent(data.mass[index])} of the mass${link}${tag ? `, ${tag}` : ""}`;
}

function subwordLabel(side, index) {
  const data = state.payload[side];
  return `${data.subwords[index]}: ${signed(data.subword_attribution[index])}`;
}

// The given and the predicted answer are underlined; a name has its type under it.
function markWord(node, side, index) {
  const unit = state.payload[side].units[index];
  const { gold = [], said = [], tags = [] } = (state.options.marks || {})[side] || {};
  const within = ([start, end]) => unit.start < end && start < unit.end;
  node.classList.toggle("is-gold", gold.some(within));
  node.classList.toggle("is-said", said.some(within));
  if (!tags[index]) return;
  node.classList.add("is-named");
  node.append(el("span", { class: "ccta-kind", lang: "en", dir: "ltr" }, tags[index]));
}

// Words in reading order with what stands between them; offsets count code points.
function fillSegment(box, side, segment, text) {
  const letters = Array.from(text || "");
  const last = state.payload[side].text2 ? 1 : 0;
  const units = state.payload[side].units
    .map((unit, index) => ({ unit, index }))
    .filter(({ unit }) => unit.segment === segment);
  const base = box.dir;
  const ways = directions(units.map(({ unit }) => unit.text), base);
  const parts = [];
  let at = 0;
  units.forEach(({ unit, index }, n) => {
    const between = letters.slice(at, unit.start).join("");
    const node = wordNode(side, index, unit.text, wordLabel(side, index));
    if (segment === last) markWord(node, side, index);
    const before = parts[parts.length - 1];
    if (!between && before && before[1] === ways[n] && CLOSING.test(unit.text)) {
      const keep = before[0].className === "ccta-keep" ? before[0] : span("ccta-keep", before[0]);
      keep.append(node);
      before[0] = keep;
    } else {
      if (between) parts.push([between, null]);
      parts.push([node, ways[n]]);
    }
    at = unit.end;
  });
  appendRuns(box, base, parts);
  box.append(letters.slice(at).join(""));
}

function fillSubwords(box, side) {
  const pieces = state.payload[side].subwords;
  const ways = directions(pieces, box.dir);
  const parts = pieces.flatMap((piece, n) => [
    [wordNode(side, n, piece, subwordLabel(side, n)), ways[n]],
    [" ", null],
  ]);
  appendRuns(box, box.dir, parts);
}

function segmentNode(side, segment, caption) {
  const data = state.payload[side];
  const writing = language(side);
  const text = segment ? data.text2 : data.text;
  const whole = state.options.subwords ? data.subwords.join(" ") : text || "";
  const body = el("p", { class: "ccta-text", dir: direction(whole, side), lang: data.lang });
  if (writing.spaced === false) body.classList.add("is-unspaced");
  if (state.options.subwords) fillSubwords(body, side);
  else fillSegment(body, side, segment, text);
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
  // Of classes the likeliest is predicted, of labels each that holds; a score is no probability.
  const predicted =
    data.outputs === "labels" ? names.filter(([, value]) => value >= 0.5) : ranked.slice(0, 1);
  const shown = data.outputs === "scores" ? Object.entries(data.head_scores || {}) : predicted;
  const written = (value) => (data.outputs === "scores" ? fixed(value, 2) : short(value));
  const kept = names.length > 4 ? ranked.slice(0, 4) : names;
  const bars = kept.map(([name, value]) =>
    el(
      "span",
      { class: predicted.some((entry) => entry[0] === name) ? "ccta-bar is-top" : "ccta-bar" },
      el("bdi", { class: "ccta-bar-name", lang: data.lang, title: name }, name),
      el("span", { class: "ccta-track", "--v": clamp(value, 0, 1) }),
      span("ccta-bar-value", short(value)),
    ),
  );
  const writing = language(side);
  const native =
    writing.native && writing.native !== writing.name
      ? el("bdi", { class: "ccta-native", lang: data.lang }, writing.native)
      : null;
  const said = shown.map(([name, value]) =>
    span("ccta-reads", "\u00b7 ", el("bdi", {}, name), " ", written(value)),
  );
  if (names.length && !shown.length) said.push(span("ccta-reads", "\u00b7 no label"));
  const verdict = (state.options.judged || {})[side];
  const judged = verdict
    ? span("ccta-judged", "\u00b7 ", el("bdi", { lang: data.lang }, verdict))
    : null;
  const warning =
    data.converged === false ? span("ccta-warning", "attribution did not converge") : null;
  return el(
    "div",
    { class: "ccta-side", "data-side": side },
    div("ccta-who", el("strong", {}, writing.name), " ", native, ...said.flatMap((node) => [" ", node]), " ", judged, warning),
    div("ccta-bars", ...bars),
  );
}
