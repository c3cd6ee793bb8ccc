// Step 1: words as switches; what is chosen is added up and held against the whole.
function drawSum(root, data) {
  const chosen = new Set(data.words.map((_, at) => at));
  const most = Math.max(...data.words.map((word) => Math.abs(word.score)));
  const status = make("p", { class: "learn-status", role: "status" });
  const bar = make("span", { class: "learn-bar" });
  const goal = make("span", { class: "learn-goal" });
  const low = Math.min(0, ...partial(data.words, -1), data.difference) * 1.1;
  const high = Math.max(0, ...partial(data.words, 1), data.difference) * 1.1;
  const place = (value) => (100 * (value - low)) / (high - low);
  const track = make("div", { class: "learn-track", "aria-hidden": "true" }, bar, goal);
  track.style.setProperty("--zero", `${place(0)}%`);
  goal.style.left = `${place(data.difference)}%`;

  function total() {
    const sum = [...chosen].reduce((so, at) => so + data.words[at].score, 0);
    const [from, to] = [place(Math.min(0, sum)), place(Math.max(0, sum))];
    bar.style.left = `${from}%`;
    bar.style.width = `${to - from}%`;
    bar.classList.toggle("is-against", sum < 0);
    const some = chosen.size === data.words.length ? "All words" : `${chosen.size} of ${data.words.length} words`;
    status.textContent = `${some} together: ${signed(sum)} of ${signed(data.difference)}`;
  }

  const lines = data.texts.map((name, segment) => {
    const line = make("div", { class: "learn-line", dir: data.dir, role: "group", "aria-label": name });
    data.words.forEach((word, at) => {
      if (word.segment !== segment) return;
      const label = `${word.text}: ${signed(word.score)} logits`;
      const button = make(
        "button",
        { type: "button", class: "learn-word", "aria-pressed": "true", "aria-label": label, "data-word": at },
        wordOf(word.text, data.lang),
        make("small", { dir: "ltr" }, signed(word.score)),
      );
      button.style.background = tint(word.score, most);
      button.addEventListener("click", () => {
        if (!chosen.delete(at)) chosen.add(at);
        button.setAttribute("aria-pressed", String(chosen.has(at)));
        total();
      });
      line.append(button);
    });
    return make("div", { class: "learn-text" }, make("span", { class: "learn-caption" }, name), line);
  });
  const scale = make("div", { class: "learn-ends" }, data.goal);
  root.append(make("div", { class: "learn-lines" }, ...lines), status, track, scale);
  total();
  return {};
}

// The sum of all scores of one sign: how far the bar can reach.
function partial(words, sign) {
  return [words.map((word) => word.score).filter((score) => score * sign > 0).reduce((a, b) => a + b, 0)];
}

export default function ({ data, parentElement }) {
  stateOf(parentElement, data, drawSum);
}
