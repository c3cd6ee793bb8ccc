// A matrix of buttons. One of them can be reached with Tab, the others with the arrow keys.
const drawn = new WeakMap(); // root -> { data, send, place }: what is shown, where the reader was

const make = (name, className, text) => {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};
const both = ([light, dark]) => `light-dark(${light}, ${dark})`;

function heads(data) {
  const row = make("tr");
  const corner = make("td", "ccta-mx-corner");
  const [rows, columns] = data.titles;
  corner.append(make("span", "", rows ? `${rows} ↓` : ""), make("span", "", columns ? `${columns} →` : ""));
  row.append(corner);
  for (const [at, column] of data.columns.entries()) {
    const head = make("th", startsGroup(data.columns, at) ? "is-first" : "");
    head.scope = "col";
    head.title = column.name;
    head.append(make("span", "", column.short || column.name));
    if (column.short) head.append(make("span", "ccta-mx-hidden", ` ${column.name}`));
    row.append(head);
  }
  const top = make("thead");
  top.append(row);
  return top;
}

const startsGroup = (heads, at) => at > 0 && heads[at].group !== heads[at - 1].group;

function rowHead(row) {
  const head = make("th");
  head.scope = "row";
  head.title = row.group ? `${row.name}, ${row.group}` : row.name;
  head.append(make("span", row.short ? "ccta-mx-name" : "", row.name));
  if (row.short) head.append(make("span", "ccta-mx-code", row.short));
  return head;
}

function drawCell(cell, data) {
  const place = make("td");
  if (!cell) {
    place.className = "is-empty";
    place.append(make("span", "ccta-mx-hidden", data.empty));
    return place;
  }
  const face = make(data.clickable ? "button" : "span", "ccta-mx-cell", cell.text);
  face.style.setProperty("--fill", both(cell.fill));
  face.style.setProperty("--ink", both(cell.ink));
  face.title = cell.say;
  face.setAttribute("aria-label", cell.say);
  if (!data.clickable) face.setAttribute("role", "img");
  if (data.clickable) {
    face.type = "button";
    face.tabIndex = -1;
    face.setAttribute("aria-pressed", String(cell.chosen));
  }
  face.classList.toggle("is-chosen", cell.chosen);
  face.classList.toggle("is-marked", cell.marked);
  place.append(face);
  return place;
}

function body(data) {
  const part = make("tbody");
  for (const [at, row] of data.rows.entries()) {
    const line = make("tr", startsGroup(data.rows, at) ? "is-first" : "");
    line.append(rowHead(row));
    for (const [to, cell] of data.cells[at].entries()) {
      const place = drawCell(cell, data);
      place.classList.toggle("is-first", startsGroup(data.columns, to));
      if (cell && data.clickable) {
        place.firstChild.dataset.row = at;
        place.firstChild.dataset.column = to;
      }
      line.append(place);
    }
    part.append(line);
  }
  return part;
}

function legend(data) {
  const { label, stops, ends } = data.legend;
  const line = make("div", "ccta-mx-legend");
  const bar = make("span", "ccta-mx-bar");
  bar.style.background = `linear-gradient(to right, ${stops.map(both).join(", ")})`;
  line.append(make("span", "", label), make("span", "", ends[0]), bar, make("span", "", ends[1]));
  return line;
}

const button = (root, row, column) =>
  root.querySelector(`button[data-row="${row}"][data-column="${column}"]`);

// The next button in a direction: places without a cell are passed over.
function next(root, from, [down, right], size) {
  let row = from.row + down, column = from.column + right;
  while (row >= 0 && column >= 0 && row < size.rows && column < size.columns) {
    const found = button(root, row, column);
    if (found) return found;
    row += down;
    column += right;
  }
  return null;
}

function atEdge(root, row, last) {
  const found = root.querySelectorAll(`button[data-row="${row}"]`);
  return found[last ? found.length - 1 : 0] || null;
}

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

function walk(root, data, event) {
  if (!event.target.matches("button.ccta-mx-cell")) return;
  const from = { row: Number(event.target.dataset.row), column: Number(event.target.dataset.column) };
  const size = { rows: data.rows.length, columns: data.columns.length };
  let to = null;
  if (STEPS[event.key]) to = next(root, from, STEPS[event.key], size);
  else if (event.key === "Home" || event.key === "End") to = atEdge(root, from.row, event.key === "End");
  else return;
  event.preventDefault();
  if (to) to.focus();
}

// The button that Tab reaches: where the reader was, else the chosen cell, else the first.
function reachable(root, place) {
  for (const one of root.querySelectorAll('button[tabindex="0"]')) one.tabIndex = -1;
  const found = (place && button(root, place.row, place.column))
    || root.querySelector("button.is-chosen") || root.querySelector("button.ccta-mx-cell");
  if (found) found.tabIndex = 0;
  return found;
}

function listen(root) {
  root.addEventListener("keydown", (event) => walk(root, drawn.get(root).data, event));
  root.addEventListener("focusin", (event) => {
    if (!event.target.matches("button.ccta-mx-cell")) return;
    const { row, column } = event.target.dataset;
    drawn.get(root).place = { row, column };
    reachable(root, { row, column });
  });
  root.addEventListener("click", (event) => {
    const cell = event.target.closest("button.ccta-mx-cell");
    if (!cell) return;
    const { data, send } = drawn.get(root);
    const { row, column } = cell.dataset;
    send({ row: data.rows[row].key, column: data.columns[column].key });
  });
}

// Called when the component is mounted and again whenever its data change.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".ccta-mx");
  const before = drawn.get(root);
  if (!before) listen(root);
  const send = (cell) => setTriggerValue("cell", cell);
  drawn.set(root, { data, send, place: before && before.place });
  const active = document.activeElement;
  const focused = root.contains(active) && active.matches("button");
  const scrolled = root.querySelector(".ccta-mx-scroll")?.scrollLeft || 0;
  const table = make("table");
  table.append(make("caption", "ccta-mx-hidden", data.label), heads(data), body(data));
  const scroll = make("div", "ccta-mx-scroll");
  if (!data.clickable) scroll.tabIndex = 0;
  scroll.append(table);
  root.replaceChildren(scroll, legend(data));
  scroll.scrollLeft = scrolled;
  const start = reachable(root, before && before.place);
  if (focused && start) start.focus({ preventScroll: true });
}
