// A list of rows that can be picked: by a click on the row, with the button in it, or with J and K.
// X selects the row's item, as its box does; a digit puts the tag of that number on or off.
const lists = new WeakMap(); // root -> { html, data, send, listener, last }

const rowsOf = (root) => [...root.querySelectorAll("li[data-pick]")];
const TYPING = "input:not([type=checkbox]), textarea, select, [contenteditable], [role=combobox], [role=listbox]";

function step(root, by) {
  const { data, send } = lists.get(root);
  const rows = rowsOf(root);
  const place = rows.findIndex((row) => row.dataset.pick === data.marked);
  const next = place < 0 ? 0 : place + by;
  if (rows[next]) send("pick", rows[next].dataset.pick);
  else send("turn", by);
}

function pressed(root, event) {
  if (!root.isConnected || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.(TYPING)) return;
  const { data, send } = lists.get(root);
  const key = event.key.toLowerCase();
  const marked = rowsOf(root).find((row) => row.dataset.pick === data.marked);
  if (key === "j" || key === "k") step(root, key === "j" ? 1 : -1);
  else if (key === "x" && marked) marked.querySelector("input").click();
  else if (/^[1-9]$/.test(key) && marked) send("tag", Number(key));
  else return;
  event.preventDefault();
}

// A box, and with Shift all between it and the last one that was set.
function boxed(root, box, shift) {
  const list = lists.get(root);
  const boxes = rowsOf(root).map((row) => row.querySelector("input"));
  const [from, to] = [boxes.indexOf(list.last), boxes.indexOf(box)].sort((a, b) => a - b);
  const several = shift && from >= 0 ? boxes.slice(from, to + 1) : [box];
  list.last = box;
  list.send("select", { items: several.map((one) => one.dataset.item), on: box.checked });
}

// The HTML comes escaped from the page's own code; texts in it are text.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".ccta-picks");
  const before = lists.get(root);
  if (before) document.removeEventListener("keydown", before.listener);
  const listener = (event) => pressed(root, event);
  document.addEventListener("keydown", listener);
  if (before?.html !== data.html) root.innerHTML = data.html;
  const kept = before?.html === data.html ? before.last : undefined;
  lists.set(root, { html: data.html, data, send: setTriggerValue, listener, last: kept });
  root.onclick = (event) => {
    if (event.target.matches("input")) boxed(root, event.target, event.shiftKey);
    if (event.target.closest("label")) return;
    const row = event.target.closest("[data-pick]");
    if (row && String(window.getSelection()) === "") setTriggerValue("pick", row.dataset.pick);
  };
  const selected = new Set(data.selected);
  for (const row of rowsOf(root)) {
    const marked = row.dataset.pick === data.marked;
    row.classList.toggle("is-marked", marked);
    row.querySelector("button").setAttribute("aria-pressed", String(marked));
    const box = row.querySelector("input");
    box.checked = selected.has(box.dataset.item);
    if (marked && before?.data.marked !== data.marked) {
      row.scrollIntoView({ block: before ? "nearest" : "center" });
    }
  }
  return () => document.removeEventListener("keydown", listener);
}
