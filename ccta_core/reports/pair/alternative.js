// What the picture says in words, for those who do not see it.

function title() {
  const p = state.payload;
  const [first, second] = SIDES.map((side) => language(side).name);
  if (!p.controls) return `${first} and ${second} words, not compared yet`;
  return `${first} and ${second} words with the mass moved between them, EMS ${fixed(p.ems, 2)}`;
}

function fillSummary() {
  if (state.options.subwords || !state.flows.length) return summary.replaceChildren(title());
  const items = state.flows
    .slice(0, 8)
    .map((flow) =>
      el(
        "li",
        {},
        isolate(unitText("source", flow.i), "source"),
        " to ",
        isolate(unitText("target", flow.j), "target"),
        `: ${percent(flow.mass)} of the mass, cosine ${short(flow.cos)}`,
      ),
    );
  summary.replaceChildren(el("p", {}, title() + ". Strongest flows:"), el("ol", {}, ...items));
}
