// Hover, focus, pin, arrow keys.

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
  if (sel && editor.hidden) showCard();
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
  const run = state.words[side][index].closest("[dir=rtl], [dir=ltr]");
  const forward = run.dir === "rtl" ? -1 : 1;
  const best = flowsOf(side, index)[0];
  const partnerStep = () => best && goTo(other(side), partner(best, side));
  const actions = {
    ArrowLeft: () => goTo(side, index - forward),
    ArrowRight: () => goTo(side, index + forward),
    ArrowUp: partnerStep,
    ArrowDown: partnerStep,
    Home: () => goTo(side, 0),
    End: () => goTo(side, state.words[side].length - 1),
    Enter: () => (canEdit(sel) ? openEditor(sel) : toggle(sel)),
    " ": () => toggle(sel),
  };
  if (!actions[event.key]) return;
  // Arrows that walk the words walk nothing else on the page.
  event.preventDefault();
  event.stopPropagation();
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
  // The second click of two begins to edit: the first one has pinned the word.
  if (event.detail > 1 && canEdit(sel)) return;
  if (sel) toggle(sel);
  else if (state.pin) setPin(null);
});
