// Where words stand: columns for the fewest lines, rows of what is seen, measured boxes.

// Columns for the fewest lines: single-line widths first, then lines to each segment.
function columns(room) {
  const length = [0, 1].map((segment) =>
    Math.max(
      ...SIDES.map((side) =>
        sum(
          state.words[side]
            .filter((_, n) => state.payload[side].units[n].segment === segment)
            .map((node) => node.offsetWidth + (language(side).spaced === false ? 2 : 6)),
        ),
      ),
    ),
  );
  for (let most = 1; most < 40; most += 1) {
    for (const [a, b] of [
      [most, 1],
      [1, most],
      [most, most - 1],
      [most - 1, most],
      [most, most],
    ]) {
      const need = [a, b].map((lines, n) =>
        Math.max((lines > 1 ? 1.1 / lines : 1.01) * length[n] + 10, 180),
      );
      if (a && b && need[0] + need[1] <= room)
        return need.map((w) => `minmax(0, ${w.toFixed(0)}fr)`).join(" ");
    }
  }
  return "minmax(0, 2fr) minmax(0, 1fr)";
}

function layout() {
  const width = stage.clientWidth;
  if (!width) return;
  stage.classList.toggle("is-stacked", width < 720 && !stage.classList.contains("is-single"));
  if (!stage.classList.contains("is-single"))
    stage.style.setProperty("--columns", columns(width - 56));
  // In a low window words come before room: the picture stands under its verdict and numbers.
  const most = win.innerHeight < 1000 ? 112 : 176;
  stage.style.setProperty(
    "--gap",
    (state.options.subwords ? 28 : clamp(width * 0.14, 92, most)) + "px",
  );
  if (state.options.subwords) return;
  svg.setAttribute("viewBox", `0 0 ${stage.clientWidth} ${stage.clientHeight}`);
  const boxes = {};
  for (const side of SIDES) boxes[side] = state.words[side].map(place);
  const rows = findRows([...boxes.source, ...boxes.target]);
  const scale = widthScale(boxes, rows.length > 2 ? 14 : 26);
  placePorts(boxes, scale);
  for (const flow of state.flows) {
    flow.d = curve(waypoints(flow, boxes, rows, width));
    flow.path.setAttribute("d", flow.d);
    flow.path.setAttribute("stroke-width", flow.width.toFixed(2));
    flow.hit.setAttribute("d", flow.d);
    flow.hit.setAttribute("stroke-width", Math.max(flow.width, 9).toFixed(1));
  }
  if (state.active) showCard();
}

function findRows(boxes) {
  const rows = [];
  for (const box of [...boxes].sort((a, b) => a.cy - b.cy)) {
    let row = rows[rows.length - 1];
    if (!row || box.cy - row.cy > row.h / 2)
      rows.push((row = { cy: box.cy, h: box.h, top: box.y, bottom: box.bottom, boxes: [] }));
    row.top = Math.min(row.top, box.y);
    row.bottom = Math.max(row.bottom, box.bottom);
    row.boxes.push(box);
    box.row = rows.length - 1;
  }
  for (const row of rows) row.boxes.sort((a, b) => a.x - b.x);
  return rows;
}

function place(node) {
  const [r, origin] = [node.getBoundingClientRect(), stage.getBoundingClientRect()];
  const [x, y] = [r.left - origin.left, r.top - origin.top];
  return {
    x,
    y,
    w: r.width,
    h: r.height,
    right: x + r.width,
    bottom: y + r.height,
    cx: x + r.width / 2,
    cy: y + r.height / 2,
  };
}
