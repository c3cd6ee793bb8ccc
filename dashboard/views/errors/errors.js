// A list of rows that can be picked: by a click on the row, or with the button in it.
const lists = new WeakMap(); // root -> the HTML that it shows

// The HTML comes escaped from the page's own code; texts in it are text.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".ccta-picks");
  const first = !lists.has(root);
  if (lists.get(root) !== data.html) {
    root.innerHTML = data.html;
    lists.set(root, data.html);
  }
  root.onclick = (event) => {
    const row = event.target.closest("[data-pick]");
    if (row && String(window.getSelection()) === "") setTriggerValue("pick", row.dataset.pick);
  };
  for (const row of root.querySelectorAll("li[data-pick]")) {
    const marked = row.dataset.pick === data.marked;
    row.classList.toggle("is-marked", marked);
    row.querySelector("button").setAttribute("aria-pressed", String(marked));
    if (marked && first) row.scrollIntoView({ block: "center" });
  }
}
