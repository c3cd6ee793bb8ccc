// Plotly's buttons are for a mouse: here Tab reaches a chart's full screen, Enter and Space press it.
const FULL = '.modebar-btn[data-title="Fullscreen"], .modebar-btn[data-title="Close fullscreen"]';

function reach(button) {
  const name = button.dataset.title === "Fullscreen" ? "Full screen" : "Leave full screen";
  if (button.getAttribute("aria-label") === name) return;
  for (const [key, value] of [["role", "button"], ["tabindex", "0"], ["aria-label", name]]) {
    button.setAttribute(key, value);
  }
}

function press(event) {
  if (!["Enter", " "].includes(event.key) || !event.target.matches || !event.target.matches(FULL)) return;
  event.preventDefault();
  event.stopPropagation();
  event.target.click();
}

let running = false;

export default function () {
  if (running) return undefined;
  running = true;
  const all = () => document.querySelectorAll(FULL).forEach(reach);
  const observer = new MutationObserver(all);
  observer.observe(document.body, { childList: true, subtree: true });
  document.addEventListener("keydown", press, true);
  all();
  return () => {
    running = false;
    observer.disconnect();
    document.removeEventListener("keydown", press, true);
  };
}
