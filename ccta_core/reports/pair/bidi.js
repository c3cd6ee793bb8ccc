// Which way words run (Unicode's bidirectional algorithm, UAX #9, for whole words).
// A word is a box of its own, which the browser takes for a neutral character: without help the
// Latin words of an Arabic sentence would stand in reverse order.

const RIGHT_TO_LEFT =
  /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u;
const strong = (letter) =>
  /\p{L}/u.test(letter) ? (RIGHT_TO_LEFT.test(letter) ? "rtl" : "ltr") : null;

// A text runs as its language does, unless more than three letters in four run the other way:
// romanised Urdu from the left, an Arabic sentence full of names from the right.
function direction(text, side) {
  const own = language(side).rtl ? "rtl" : "ltr";
  const ways = Array.from(text).map(strong).filter(Boolean);
  const against = ways.filter((way) => way !== own).length;
  return against <= 0.75 * ways.length ? own : own === "rtl" ? "ltr" : "rtl";
}

// The way each word runs: by its first letter; a number goes with the letters before it (W7),
// what is neither goes with its neighbours where these agree, else with the text (N1, N2).
function directions(words, base) {
  const ways = [];
  let before = base;
  for (const word of words) {
    const own = Array.from(word).map(strong).find(Boolean);
    if (own) before = own;
    ways.push(own || (/\p{N}/u.test(word) ? before : null));
  }
  return ways.map((way, n) => {
    if (way) return way;
    const [left, right] = [ways.slice(0, n).reverse(), ways.slice(n + 1)].map(
      (others) => others.find(Boolean) || base,
    );
    return left === right ? left : base;
  });
}

// Appends nodes to `box`, those that run against it in a run of their own. Each of `parts` is
// [node, way], or [text, null] for what stands between two words.
function appendRuns(box, base, parts) {
  let run = null;
  parts.forEach(([node, way], n) => {
    const next = way || (parts[n + 1] || [])[1];
    const inside = run && run.dir === next;
    if (way === null ? !inside : way === base) {
      run = null;
      box.append(node);
      return;
    }
    if (!inside) box.append((run = el("span", { class: "ccta-run", dir: way })));
    run.append(node);
  });
}
