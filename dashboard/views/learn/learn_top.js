// Another step begins at its top, wherever the one before it was scrolled to.
let stepShown = null;

export default function ({ data }) {
  const main = document.querySelector('[data-testid="stMain"]');
  if (main && stepShown !== null && stepShown !== data.step) main.scrollTo(0, 0);
  stepShown = data.step;
  return () => { stepShown = null; };
}
