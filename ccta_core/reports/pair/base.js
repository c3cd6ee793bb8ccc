// The frame, made once, and the small pieces everything else is made of.

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
const state = {
  payload: null,
  options: {},
  flows: [],
  ribbons: new Map(),
  words: {},
  pin: null,
  active: null,
};

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
/* What is left after rounding decides on the sign: never a minus, or a plus, before a zero. */
const fixed = (x, digits) => {
  const text = Math.abs(x).toFixed(digits);
  return (x < 0 && Number(text) !== 0 ? "\u2212" : "") + text;
};
const percent = (x) => fixed(100 * x, x < 0.0995 ? 1 : 0) + "%";
const short = (x) => fixed(x, 2).replace(/^(\u2212?)0\./, "$1.");
const signed = (x) => (x > 0 && Number(x.toFixed(3)) !== 0 ? "+" : "") + fixed(x, 3);
const language = (side) =>
  (state.options.languages || {})[side] || { name: state.payload[side].lang, spaced: true };
const isolate = (text, side) => el("bdi", { lang: state.payload[side].lang }, text);
const unitText = (side, index) => state.payload[side].units[index].text;
const massOf = (side, index) => state.payload[side].mass[index];
const className = () => {
  const name = state.payload.target_class;
  if (state.payload.task === "qa") return "the answer";
  if (isScore() && name === "score") return "the score";
  return !name || name === "each" || name === "auto" ? "the predicted class" : name;
};
// A score (regression, a cross-encoder) is raised or lowered: there is nothing to be for.
const isScore = () => state.payload.source.outputs === "scores";
const evidence = (value) => {
  if (isScore()) {
    const what = value === 0 ? "does not move" : value > 0 ? "raises" : "lowers";
    return `${what} ${className()}`;
  }
  return value === 0 ? "no evidence" : `evidence ${value > 0 ? "for" : "against"} ${className()}`;
};

const heading = el("svg:title", { id: uid + "-title" });
const hits = el("svg:g", {});
const ribbons = el("svg:g", {});
const svg = el(
  "svg:svg",
  { class: "ccta-ribbons", role: "img", "aria-labelledby": uid + "-title" },
  heading,
  hits,
  ribbons,
);
const card = el("div", { class: "ccta-card", hidden: "", "aria-hidden": "true" });
const stage = div("ccta-stage");
const legend = div("ccta-legend");
const summary = el("div", { class: "ccta-hidden", id: uid + "-summary" });
const trouble = el(
  "div",
  { class: "ccta-trouble", role: "status", hidden: "" },
  "This view could not be drawn; the one before it is shown. Choose another, or load the page again.",
);
const frame = el(
  "div",
  { class: "ccta-pair", role: "group", "aria-describedby": uid + "-summary" },
  trouble,
  stage,
  legend,
  summary,
);
