// The card of a word or a ribbon, and a place for it.

const line = (name, ...value) =>
  div("ccta-fact", span("ccta-fact-name", name), span("ccta-fact-value", ...value));

function wordCard({ side, index }) {
  const data = state.payload[side];
  if (state.options.subwords) {
    return [
      el("strong", {}, isolate(data.subwords[index], side)),
      line("signed score", signed(data.subword_attribution[index])),
    ];
  }
  const value = data.attribution[index];
  const mass = massOf(side, index);
  const partners = flowsOf(side, index)
    .slice(0, 3)
    .map((flow) =>
      el(
        "tr",
        {},
        el("td", {}, isolate(unitText(other(side), partner(flow, side)), other(side))),
        el("td", {}, percent(mass ? flow.mass / mass : 0)),
        el("td", {}, short(flow.cos)),
      ),
    );
  const head = el(
    "tr",
    {},
    el("th", {}, "partner"),
    el("th", {}, "share"),
    el("th", {}, "cosine"),
  );
  return [
    el("strong", {}, isolate(unitText(side, index), side)),
    line("attribution", signed(value)),
    div("ccta-fact-note", evidence(value)),
    line("mass", percent(mass)),
    partners.length ? el("table", {}, head, ...partners) : null,
  ];
}

function flowCard({ flow }) {
  const part = flow.mass * flow.cos;
  const whole = state.payload.ems;
  return [
    el(
      "strong",
      {},
      isolate(unitText("source", flow.i), "source"),
      " \u2192 ",
      isolate(unitText("target", flow.j), "target"),
    ),
    line("mass moved", percent(flow.mass)),
    line("cosine", short(flow.cos)),
    line("part of EMS", `${fixed(part, 3)} of ${fixed(whole, 2)}`),
  ];
}

function showCard() {
  const sel = state.active;
  const parts = (sel.flow ? flowCard(sel) : wordCard(sel)).filter(Boolean);
  if (state.pin) {
    const release = [span("ccta-by-keys", "Esc releases"), span("ccta-by-touch", "a tap beside it releases")];
    parts.push(div("ccta-fact-note", "pinned, ", ...release));
    if (canEdit(sel)) parts.push(editOffer(sel));
  }
  card.replaceChildren(...parts);
  card.hidden = false;
  const [x, y] = cardPlace(card.offsetWidth, card.offsetHeight);
  card.style.left = x + "px";
  card.style.top = y + "px";
}

function overlap(a, b) {
  const wide = Math.min(a.right, b.right) - Math.max(a.x, b.x);
  const high = Math.min(a.bottom, b.bottom) - Math.max(a.y, b.y);
  return Math.max(0, wide) * Math.max(0, high);
}

function ribbonSpots() {
  const lit = state.flows.filter((flow) => flow.group.classList.contains("is-on")).slice(0, 6);
  return lit.flatMap(({ path }) => {
    // A ribbon that is new has no path before its place is known.
    const length = path.getAttribute("d") ? path.getTotalLength() : 0;
    if (!length) return [];
    return [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9].map((t) =>
      path.getPointAtLength(t * length),
    );
  });
}

// Near what it tells about, off its words and ribbons, always inside the stage.
function cardPlace(w, h) {
  const nodes = SIDES.flatMap((side) => state.words[side]);
  const boxes = nodes.map((node) => [place(node), node.classList.contains("is-on") ? 1 : 0.035]);
  const spots = ribbonSpots();
  const own = state.active.flow
    ? null
    : place(state.words[state.active.side][state.active.index]);
  const middle = { x: stage.clientWidth / 2, y: stage.clientHeight / 2 };
  const anchor = own ? { x: own.cx, y: own.cy } : spots[4] || middle;
  const room = [Math.max(0, stage.clientWidth - w), Math.max(0, stage.clientHeight - h)];
  let best = [0, 0];
  let lowest = Infinity;
  for (let n = 0; n < 225; n += 1) {
    const [x, y] = [(room[0] * (n % 15)) / 14, (room[1] * Math.floor(n / 15)) / 14];
    const box = { x, y, right: x + w, bottom: y + h };
    const covered = sum(boxes.map(([other, weight]) => weight * overlap(box, other)));
    const crossed = spots.filter(
      (s) => s.x > x - 4 && s.x < x + w + 4 && s.y > y - 4 && s.y < y + h + 4,
    );
    const far = Math.hypot(x + w / 2 - anchor.x, y + h / 2 - anchor.y);
    const cost = 1.2 * far + covered + (own ? overlap(box, own) : 0) + 40 * crossed.length;
    if (cost < lowest) [best, lowest] = [[x, y], cost];
  }
  return best;
}
