// A word is typed over in a small form at its place; what is typed goes to the page around it.

const field = el("input", {
  class: "ccta-edit-field",
  type: "text",
  dir: "auto",
  maxlength: 200,
  autocomplete: "off",
  autocapitalize: "off",
  spellcheck: "false",
});
const editButton = (type, name) => el("button", { type, class: "ccta-edit-button" }, name);
const removal = editButton("button", "Delete");
const leaving = editButton("button", "Cancel");
const editor = el(
  "form",
  { class: "ccta-edit", hidden: "", "aria-label": "Edit a word" },
  field,
  div("ccta-edit-buttons", editButton("submit", "Replace"), removal, leaving),
);
const canEdit = (sel) =>
  Boolean(state.options.onEdit && sel && sel.side && !state.options.subwords);

function openEditor({ side, index }) {
  const node = state.words[side][index];
  const text = unitText(side, index);
  state.edited = { side, index };
  field.value = text;
  field.lang = state.payload[side].lang;
  field.setAttribute("aria-label", `In place of ${text}; left empty, the word is deleted`);
  field.style.fontFamily = win.getComputedStyle(node).fontFamily;
  editor.style.width = `${clamp(node.offsetWidth + 60, 230, stage.clientWidth - 40)}px`;
  card.hidden = true;
  editor.hidden = false;
  const box = place(node);
  const room = [stage.clientWidth - editor.offsetWidth, stage.clientHeight - editor.offsetHeight];
  editor.style.left = `${clamp(box.cx - editor.offsetWidth / 2, 0, Math.max(0, room[0]))}px`;
  editor.style.top = `${clamp(box.y - 12, 0, Math.max(0, room[1]))}px`;
  field.focus();
  field.select();
}

function closeEditor() {
  if (editor.hidden) return;
  const { side, index } = state.edited;
  editor.hidden = true;
  const node = state.words[side][index];
  if (node) node.focus({ preventScroll: true });
}

function sendEdit(text) {
  const { side, index } = state.edited;
  const was = unitText(side, index);
  closeEditor();
  if (text !== was) state.options.onEdit({ side, index, was, text });
}

editor.addEventListener("submit", (event) => {
  event.preventDefault();
  sendEdit(field.value.trim());
});
removal.addEventListener("click", () => sendEdit(""));
leaving.addEventListener("click", closeEditor);
// Keys and clicks in the form are not the picture's.
editor.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeEditor();
  event.stopPropagation();
});
editor.addEventListener("click", (event) => event.stopPropagation());
frame.addEventListener("dblclick", (event) => {
  const sel = found(event.target);
  if (!canEdit(sel)) return;
  win.getSelection().removeAllRanges();
  openEditor(sel);
});

// The button in the card of a pinned word: what a finger finds. Keys have Enter on the word.
function editOffer(sel) {
  const offer = el(
    "button",
    { type: "button", class: "ccta-edit-button ccta-edit-offer", tabindex: "-1" },
    "Edit this word",
  );
  offer.addEventListener("click", (event) => {
    event.stopPropagation();
    openEditor(sel);
  });
  return offer;
}
