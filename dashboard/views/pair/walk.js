// The layers of one pair as one picture that moves: all of them are here, none is asked for.
const STEP = 900;

function walker(root) {
  const find = (name) => root.querySelector(`.ccta-walk-${name}`);
  const [play, range, said, chart, open] = ["play", "range", "said", "chart-box", "open"].map(find);
  const stage = root.querySelector(".ccta-root");
  const self = { data: null, at: 0, timer: 0, tell: null, picture: null };

  function show(at) {
    const { layers } = self.data;
    self.at = Math.min(Math.max(at, 0), layers.length - 1);
    const { layer, payload, text } = layers[self.at];
    if (self.picture) self.picture.update(payload, self.data.options);
    else self.picture = cctaRenderPair(stage, payload, self.data.options);
    range.value = self.at;
    range.setAttribute("aria-valuetext", text);
    said.textContent = text;
    for (const dot of chart.querySelectorAll(".ccta-walk-dot")) {
      const here = Number(dot.dataset.layer) === layer;
      dot.classList.toggle("is-now", here);
      if (here) chart.querySelector(".ccta-walk-now").style.left = dot.style.left;
    }
  }

  function stop() {
    clearInterval(self.timer);
    self.timer = 0;
    play.textContent = "Play";
  }

  function start() {
    if (self.at >= self.data.layers.length - 1) show(0);
    play.textContent = "Pause";
    self.timer = setInterval(() => {
      show(self.at + 1);
      if (self.at >= self.data.layers.length - 1) stop();
    }, STEP);
  }

  play.addEventListener("click", () => (self.timer ? stop() : start()));
  range.addEventListener("input", () => {
    stop();
    show(Number(range.value));
  });
  open.addEventListener("click", () => self.tell(self.data.layers[self.at].layer));
  chart.addEventListener("click", (event) => {
    const dot = event.target.closest(".ccta-walk-dot");
    const layer = dot && Number(dot.dataset.layer);
    if (dot) show(self.data.layers.findIndex((one) => one.layer === layer));
  });

  return {
    update(data, tell) {
      self.tell = tell;
      const mark = JSON.stringify(data);
      if (mark === self.mark) return;
      const shown = self.data && self.data.layers[self.at].layer;
      const layer = shown === null || self.data.item !== data.item ? data.layer : shown;
      Object.assign(self, { data, mark });
      range.max = data.layers.length - 1;
      chart.innerHTML = data.chart; // the dashboard's own drawing, numbers only
      play.disabled = range.disabled = data.layers.length < 2;
      const place = data.layers.findIndex((one) => one.layer === layer);
      show(Math.max(place, 0));
    },
    destroy() {
      stop();
      if (self.picture) self.picture.destroy();
    },
  };
}

// Called when the component is mounted and again whenever its data change.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".ccta-walk");
  if (!root.cctaWalker) root.cctaWalker = walker(root);
  root.cctaWalker.update(data, (layer) => setTriggerValue("layer", layer));
  return () => {
    if (root.cctaWalker) root.cctaWalker.destroy();
    root.cctaWalker = null;
  };
}
