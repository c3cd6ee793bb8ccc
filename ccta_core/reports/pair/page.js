(function () {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const tools = document.getElementById("tools");
  const least = document.getElementById("least");
  const options = Object.assign({ view: "signed", subwords: false }, data.options);
  const picture = cctaRenderPair(document.getElementById("pair"), data.payload, options);
  tools.elements.threshold.value = 100 * picture.threshold();
  function say() { least.textContent = Number(tools.elements.threshold.value).toFixed(1) + "%"; }
  say();
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("input", (event) => {
    const subwords = tools.elements.units.value === "subwords";
    const next = { view: tools.elements.view.value, subwords };
    if (event.target.name === "threshold") next.threshold = tools.elements.threshold.value / 100;
    say();
    picture.update(null, next);
  });
  function save(text, type, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
  document.getElementById("svg").addEventListener("click", () => {
    save(picture.toSvg(), "image/svg+xml", "pair.svg");
  });
  // Quoted, and no cell that a spreadsheet would take for a formula.
  const quote = (text) => '"' + text.replace(/^[=+@]/, "'$&").replace(/"/g, '""') + '"';
  document.getElementById("csv").addEventListener("click", () => {
    const rows = [...document.getElementById("plan").rows];
    const line = (row) => [...row.cells].map((cell) => quote(cell.textContent)).join(",");
    save("\ufeff" + rows.map(line).join("\r\n"), "text/csv", "plan.csv");
  });
})();
