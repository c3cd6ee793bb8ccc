// Built anew for another pair, painted anew for another view; told apart here.

function build() {
  // Who walks by keys stays at a word's place when the words become others.
  const focused = stage.contains(doc.activeElement) ? found(doc.activeElement) : null;
  if (focused) doc.activeElement.blur();
  editor.hidden = true;
  state.words = { source: [], target: [] };
  state.flows = state.options.subwords ? [] : readFlows(state.payload);
  state.pin = state.active = null;
  state.ribbons.clear();
  hits.replaceChildren();
  ribbons.replaceChildren();
  const two = SIDES.some((side) => state.payload[side].text2) && !state.options.subwords;
  const names = state.options.labels ||
    SEGMENTS[state.payload.task] || ["first text", "second text"];
  const segments = SIDES.flatMap((side) =>
    (two ? [0, 1] : [0]).map((n) => segmentNode(side, n, two ? names[n] : null)),
  );
  stage.replaceChildren(svg, sideNode("source"), ...segments, sideNode("target"), card, editor);
  stage.classList.toggle("is-single", !two);
  stage.classList.toggle("is-plain", Boolean(state.options.subwords));
  stage.style.setProperty("--columns", "minmax(0, 1fr)");
  drawRibbons();
  paint();
  layout();
  const node = focused && focused.side && state.words[focused.side][focused.index];
  if (node) node.focus({ preventScroll: true });
}

// Same words, other numbers: another layer, model or method. Words keep their places.
function refresh() {
  state.flows = state.options.subwords ? [] : readFlows(state.payload);
  for (const side of SIDES) {
    stage.querySelector(`.ccta-side[data-side="${side}"]`).replaceWith(sideNode(side));
    state.words[side].forEach((node, index) => {
      const piece = state.options.subwords ? state.payload[side].subwords[index] : null;
      node.setAttribute("aria-label", piece ? subwordLabel(side, index) : wordLabel(side, index));
    });
  }
  drawRibbons();
  paint();
  if (state.active && state.active.flow) state.pin = state.active = null;
  layout();
  light(state.active);
}

let waiting = 0;
function later() {
  if (!waiting)
    waiting = win.requestAnimationFrame(() => {
      waiting = 0;
      layout();
    });
}
function change(nextPayload, nextOptions) {
  state.payload = nextPayload || state.payload;
  state.options = Object.assign({}, state.options, nextOptions);
  const { languages, labels, subwords, marks, judged } = state.options;
  const texts = SIDES.map((side) => {
    const { lang, text, text2, units, subwords: pieces } = state.payload[side];
    return [lang, text, text2, units, pieces];
  });
  const frameKey = JSON.stringify([texts, languages, labels, Boolean(subwords), marks]);
  const key = JSON.stringify([state.payload, judged]);
  const draw = frameKey !== state.frameKey ? build : key !== state.key ? refresh : paint;
  Object.assign(state, { frameKey, key });
  draw();
  Object.assign(drawn, { payload: state.payload, options: state.options });
  trouble.hidden = true;
}

// What can't be drawn leaves the last picture as it was, and a line; never a trace.
const drawn = { payload: null, options: null };
function update(nextPayload, nextOptions) {
  try {
    change(nextPayload, nextOptions);
  } catch (error) {
    win.console.error(error);
    trouble.hidden = false;
    if (!drawn.payload) return;
    Object.assign(state, { ...drawn, frameKey: null });
    try {
      change(null, null);
    } catch {
      stage.replaceChildren();
    }
    trouble.hidden = false;
  }
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
  toSvg,
  destroy() {
    observer.disconnect();
    if (waiting) win.cancelAnimationFrame(waiting);
    if (doc.fonts) doc.fonts.removeEventListener("loadingdone", later);
    frame.remove();
  },
};
