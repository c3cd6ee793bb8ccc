// The picture as one SVG that stands alone: rectangles, paths and text, where they are seen now.

const PICTURE_MARGIN = 12;

// Any colour of CSS as #rrggbb and its opacity: other programs know no oklab.
function plainColour(colour) {
  const paper = doc.createElement("canvas").getContext("2d", { willReadFrequently: true });
  paper.fillStyle = colour;
  paper.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = paper.getImageData(0, 0, 1, 1).data;
  const hex = [red, green, blue].map((part) => part.toString(16).padStart(2, "0")).join("");
  return { hex: "#" + hex, opacity: (alpha / 255).toFixed(3) };
}

// The lines of a text node, each with its box: a long word may be broken.
function textLines(node) {
  const range = doc.createRange();
  const lines = [];
  for (let at = 0; at < node.data.length; at += 1) {
    range.setStart(node, at);
    range.setEnd(node, at + 1);
    const box = range.getClientRects()[0];
    if (!box || !box.height) continue;
    const line = lines[lines.length - 1];
    if (line && Math.abs(line.top - box.top) < 2) line.end = at + 1;
    else lines.push({ start: at, end: at + 1, top: box.top });
  }
  return lines.flatMap(({ start, end }) => {
    const text = node.data.slice(start, end);
    if (!text.trim()) return [];
    range.setStart(node, start + text.length - text.trimStart().length);
    range.setEnd(node, end - text.length + text.trimEnd().length);
    return [{ text: text.trim(), box: range.getBoundingClientRect() }];
  });
}

function drawnText(node, origin, pen) {
  const style = win.getComputedStyle(node.parentElement);
  const ink = plainColour(style.color);
  pen.font = `${style.fontSize} ${style.fontFamily}`;
  const { fontBoundingBoxAscent: ascent, fontBoundingBoxDescent: descent } = pen.measureText("x");
  return textLines(node).map(({ text, box }) =>
    el(
      "svg:text",
      {
        x: (box.left + box.width / 2 - origin.left).toFixed(1),
        y: ((box.top + box.bottom + ascent - descent) / 2 - origin.top).toFixed(1),
        "text-anchor": "middle",
        direction: style.direction,
        "font-family": style.fontFamily,
        "font-size": style.fontSize,
        "font-weight": style.fontWeight,
        fill: ink.hex,
      },
      text,
    ),
  );
}

function drawnBox(node, origin) {
  const style = win.getComputedStyle(node);
  const ground = plainColour(style.backgroundColor);
  const box = node.getBoundingClientRect();
  const place = { x: box.left - origin.left, y: box.top - origin.top };
  const rect = el("svg:rect", {
    ...place,
    width: box.width,
    height: box.height,
    rx: parseFloat(style.borderTopLeftRadius) || 0,
    fill: ground.hex,
    "fill-opacity": ground.opacity,
  });
  return [rect, ...drawnLines(node, box, origin)];
}

// The lines under an answer: solid for the right one, dotted for the predicted one.
function drawnLines(node, box, origin) {
  const kinds = [
    ["is-gold", "::before", null, 2],
    ["is-said", "::after", "3 3", 6],
  ];
  const under = node.classList.contains("ccta-line") ? null : box.bottom - origin.top;
  return kinds
    .filter(([kind]) => node.classList.contains(kind))
    .map(([, part, dashes, below]) => {
      const ink = win.getComputedStyle(node, under === null ? null : part).borderBottomColor;
      const y = under === null ? box.bottom - origin.top - 1 : under + below;
      const [from, to] = [box.left - origin.left + 3, box.right - origin.left - 3];
      const stroke = plainColour(ink).hex;
      const line = { d: `M${from} ${y}H${to}`, stroke, "stroke-dasharray": dashes };
      return el("svg:path", { ...line, "stroke-width": dashes ? 3 : 2 });
    });
}

function drawnBar(node, origin) {
  const box = node.getBoundingClientRect();
  const share = parseFloat(node.style.getPropertyValue("--v")) || 0;
  const inks = [win.getComputedStyle(node).backgroundColor, win.getComputedStyle(node).color];
  return inks.map((ink, n) =>
    el("svg:rect", {
      x: box.left - origin.left,
      y: box.top - origin.top,
      width: box.width * (n ? share : 1),
      height: box.height,
      fill: plainColour(ink).hex,
    }),
  );
}

// A scale as a row of small rectangles: no gradient between oklab colours in SVG.
function drawnRamp(node, origin) {
  const box = node.getBoundingClientRect();
  const style = win.getComputedStyle(frame);
  const name = (key) => style.getPropertyValue(`--ccta-${key}`);
  const kind = [...node.classList].find((one) => one.startsWith("is-"));
  const ends = { "is-signed": ["against", "surface", "for"], "is-mass": ["surface", "mass"] };
  const stops = (ends[kind] || ["low", "high"]).map(name);
  const probe = node.appendChild(el("i", {}));
  const steps = 24;
  const parts = Array.from({ length: steps }, (_, n) => {
    const at = (n / (steps - 1)) * (stops.length - 1);
    const low = Math.min(Math.floor(at), stops.length - 2);
    const share = 100 * (at - low);
    probe.style.color = `color-mix(in oklab, ${stops[low]}, ${stops[low + 1]} ${share}%)`;
    return el("svg:rect", {
      x: (box.left - origin.left + (n * box.width) / steps).toFixed(2),
      y: box.top - origin.top,
      width: (box.width / steps + 0.3).toFixed(2),
      height: box.height,
      fill: plainColour(win.getComputedStyle(probe).color).hex,
    });
  });
  probe.remove();
  return parts;
}

function drawnRibbons(origin) {
  const from = stage.getBoundingClientRect();
  const move = `translate(${from.left - origin.left} ${from.top - origin.top})`;
  const drawn = state.flows.filter((flow) => !flow.group.classList.contains("is-below"));
  const paths = drawn.map((flow) =>
    el("svg:path", {
      d: flow.d,
      stroke: plainColour(win.getComputedStyle(flow.path).stroke).hex,
      "stroke-width": flow.width.toFixed(2),
      "stroke-opacity": 0.6,
    }),
  );
  return el("svg:g", { transform: move, fill: "none" }, ...paths);
}

// The whole picture as text; `desc` has what it says in words.
function toSvg() {
  light(null);
  const box = frame.getBoundingClientRect();
  const origin = { left: box.left - PICTURE_MARGIN, top: box.top - PICTURE_MARGIN };
  const size = [box.width, box.height].map((side) => Math.ceil(side + 2 * PICTURE_MARGIN));
  const pen = doc.createElement("canvas").getContext("2d");
  const all = (name) => [...frame.querySelectorAll(name)].filter((node) => node.offsetWidth);
  const texts = [];
  const walker = doc.createTreeWalker(frame, 4);
  while (walker.nextNode()) {
    const holder = walker.currentNode.parentElement;
    if (!holder.closest("svg, .ccta-card, .ccta-hidden") && holder.offsetWidth !== 0)
      texts.push(...drawnText(walker.currentNode, origin, pen));
  }
  const ground = plainColour(win.getComputedStyle(frame).backgroundColor);
  const root = el(
    "svg:svg",
    { viewBox: `0 0 ${size.join(" ")}`, width: size[0], height: size[1] },
    el("svg:title", {}, title()),
    el("svg:desc", {}, summary.textContent),
    el("svg:rect", { width: size[0], height: size[1], fill: ground.hex }),
    state.options.subwords ? null : drawnRibbons(origin),
    ...all(".ccta-word").flatMap((node) => drawnBox(node, origin)),
    ...all(".ccta-track").flatMap((node) => drawnBar(node, origin)),
    ...all(".ccta-line").flatMap((node) =>
      drawnLines(node, node.getBoundingClientRect(), origin),
    ),
    ...all(".ccta-ramp").flatMap((node) => drawnRamp(node, origin)),
    ...texts,
  );
  if (state.pin) light(state.pin);
  return new win.XMLSerializer().serializeToString(root);
}
