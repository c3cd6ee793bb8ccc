// Flows: where mass moves, which of them are drawn, the ribbons' paths through the lines.

function mark(flow, name, on) {
  for (const node of [flow.group, flow.hit]) node.classList.toggle(name, on);
}

// A plan is mostly nothing: it comes whole, or as `flows`, rows of [source, target, mass, cosine].
function readFlows(data) {
  const flows = (data.flows || []).map(([i, j, mass, cos]) => ({ i, j, mass, cos }));
  if (!data.flows)
    data.plan.forEach((row, i) =>
      row.forEach((mass, j) => {
        if (mass > 1e-6) flows.push({ i, j, mass, cos: data.similarity[i][j] });
      }),
    );
  return flows.sort((a, b) => b.mass - a.mass).slice(0, MAX_FLOWS);
}

// The default keeps the flows that carry 85% of the mass, at most 40 of them.
function defaultThreshold() {
  let carried = 0;
  const last = state.flows.findIndex((flow, n) => (carried += flow.mass) >= 0.85 || n >= 39);
  const flow = state.flows[last < 0 ? state.flows.length - 1 : last];
  return flow ? Math.min(flow.mass, 0.02) : 0;
}
const threshold = () =>
  typeof state.options.threshold === "number" ? state.options.threshold : defaultThreshold();
const flowsOf = (side, index) =>
  state.flows.filter((flow) => flow[side === "source" ? "i" : "j"] === index);
const partner = (flow, side) => flow[side === "source" ? "j" : "i"];

// A ribbon that stays from one layer to the next keeps its path, so that it can move.
function drawRibbons() {
  heading.textContent = title();
  const before = state.ribbons;
  state.ribbons = new Map();
  // Cosines start at 0, or higher where all are high (a space that is not centred).
  const least = Math.min(1, ...state.flows.map((flow) => flow.cos));
  state.floor = least < 0.4 ? 0 : Math.floor(least * 10) / 10;
  for (const flow of state.flows) {
    const tone = clamp((flow.cos - state.floor) / (1 - state.floor || 1), 0, 1);
    const name = `${flow.i}-${flow.j}`;
    const ribbon = before.get(name) || newRibbon(name);
    before.delete(name);
    state.ribbons.set(name, ribbon);
    Object.assign(flow, ribbon);
    flow.path.style.setProperty("--s", tone.toFixed(3));
    flow.group.cctaFlow = flow.hit.cctaFlow = flow;
  }
  for (const { hit, group } of before.values()) [hit, group].forEach((node) => node.remove());
}

// Wide invisible paths under all ribbons: a thin ribbon is easy to hit and takes nothing away.
function newRibbon(name) {
  const path = el("svg:path", { class: "ccta-ribbon" });
  const hit = hits.appendChild(el("svg:path", { class: "ccta-hit" }));
  const group = ribbons.appendChild(el("svg:g", { class: "ccta-flow", "data-flow": name }, path));
  return { path, hit, group };
}

// Pixels per unit of mass: a word's ribbons should fit under the word, the widest in `most`.
function widthScale(boxes, most) {
  const fits = SIDES.flatMap((side) =>
    boxes[side].map((box, n) => (0.92 * box.w) / Math.max(massOf(side, n), 0.01)),
  );
  const widest = most / Math.max(0.01, ...state.flows.map((flow) => flow.mass));
  return Math.min(Math.max(Math.min(...fits), 3.5 * most), widest, 500);
}

function placePorts(boxes, scale) {
  for (const flow of state.flows) flow.width = Math.max(flow.mass * scale, 0.8);
  for (const side of SIDES)
    boxes[side].forEach((box, index) => {
      const there = (flow) => boxes[other(side)][partner(flow, side)].cx;
      const flows = flowsOf(side, index).sort((a, b) => there(a) - there(b));
      const total = sum(flows.map((flow) => flow.width));
      const squeeze = Math.min(1, (box.w - 2) / Math.max(total, 1));
      let at = box.cx - (total * squeeze) / 2;
      for (const flow of flows) {
        flow[side + "X"] = at + (flow.width * squeeze) / 2;
        at += flow.width * squeeze;
      }
    });
}

// The place nearest to x where a ribbon can pass a line of text between two words.
function passage(row, x, width, limit) {
  const edges = [0, ...row.boxes.flatMap((box) => [box.x, box.right]), limit];
  let best = x;
  let distance = Infinity;
  for (let n = 0; n + 1 < edges.length; n += 2) {
    const room = Math.min(width / 2 + 1, (edges[n + 1] - edges[n]) / 2);
    if (edges[n + 1] < edges[n]) continue;
    const spot = clamp(x, edges[n] + room, edges[n + 1] - room);
    const cost = Math.abs(spot - x) + 2 * Math.max(0, width - 2 * room);
    if (cost < distance) [best, distance] = [spot, cost];
  }
  return best;
}

// Through the lines on the way, between their words; sideways only in the widest free band.
function waypoints(flow, boxes, rows, limit) {
  const a = boxes.source[flow.i];
  const b = boxes.target[flow.j];
  const down = b.cy > a.cy;
  const step = down ? 1 : -1;
  const between = [];
  for (let n = a.row + step; (b.row - n) * step > 0; n += step) between.push(rows[n]);
  const chain = [rows[a.row], ...between, rows[b.row]];
  const bands = chain
    .slice(1)
    .map((row, n) => (down ? row.top - chain[n].bottom : chain[n].top - row.bottom));
  const wide = bands.indexOf(Math.max(...bands));
  const xs = [];
  for (let n = 0, x = flow.sourceX; n < wide; n += 1)
    xs[n] = x = passage(between[n], x, flow.width, limit);
  for (let n = between.length - 1, x = flow.targetX; n >= wide; n -= 1)
    xs[n] = x = passage(between[n], x, flow.width, limit);
  const points = [[flow.sourceX, down ? a.bottom - 2 : a.y + 2]];
  between.forEach((row, n) =>
    points.push([xs[n], down ? row.top : row.bottom], [xs[n], down ? row.bottom : row.top]),
  );
  return [...points, [flow.targetX, down ? b.y + 2 : b.bottom - 2]];
}

function curve(points) {
  const n = (value) => value.toFixed(1);
  let d = `M${n(points[0][0])} ${n(points[0][1])}`;
  for (let k = 1; k < points.length; k += 1) {
    const [[x0, y0], [x1, y1]] = [points[k - 1], points[k]];
    const middle = n((y0 + y1) / 2);
    d += x0 === x1 ? `V${n(y1)}` : `C${n(x0)} ${middle} ${n(x1)} ${middle} ${n(x1)} ${n(y1)}`;
  }
  return d;
}
