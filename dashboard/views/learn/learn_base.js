// What the pictures of the page Learn share: elements, numbers, colours, state that outlives a redraw.
const MINUS = "\u2212";
const learnKept = new WeakMap();

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// What is left after rounding decides on the sign: never a minus, or a plus, before a zero.
function fixed(value, digits = 2) {
  const text = Math.abs(value).toFixed(digits);
  return (value < 0 && Number(text) !== 0 ? MINUS : "") + text;
}

function signed(value, digits = 2) {
  return (value > 0 && Number(value.toFixed(digits)) !== 0 ? "+" : "") + fixed(value, digits);
}

function percent(value, digits = 0) {
  return fixed(100 * value, digits) + "%";
}

// Orange for, blue against; the stronger the value the more colour. Text stays ink on both.
function tint(value, most) {
  const share = most > 0 ? Math.min(1, Math.abs(value) / most) : 0;
  const hue = value < 0 ? "var(--learn-against)" : "var(--learn-for)";
  return `color-mix(in oklab, ${hue} ${Math.round(100 * share)}%, transparent)`;
}

// A word of the lesson, isolated from the direction of what stands around it.
function wordOf(text, lang) {
  return make("bdi", { lang }, text);
}

// The picture's state: kept while its data have the same key, made anew by `draw` otherwise.
function stateOf(parentElement, data, draw) {
  const root = parentElement.querySelector(".learn-root");
  root.classList.toggle("is-large", data.large);
  let state = learnKept.get(root);
  if (!state || state.key !== data.key) {
    if (state && state.stop) state.stop();
    root.replaceChildren();
    state = draw(root, data);
    state.key = data.key;
    learnKept.set(root, state);
  }
  return [root, state];
}
