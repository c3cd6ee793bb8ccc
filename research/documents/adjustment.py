"""Writes docs/adjustment.md, its tables as CSV and its figures, from the tables of the plan.

python -m research.documents.adjustment [--tables cache/adjustment]

The tables are made by `ccta adjust plan collect research/adjustment.toml`; no model is loaded here.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pandas as pd

from ccta_core.adjustment.changes import Tables, difference, hardly_learnt
from ccta_core.adjustment.hypotheses import PUBLISHED_GAINS, Verdict, verdicts
from ccta_core.adjustment.join import CONSISTENCY
from ccta_core.adjustment.tables import read_tables
from ccta_core.languages import language
from ccta_core.measures import label
from ccta_core.text import number, plain

_DOCS = Path(__file__).parents[2] / "docs"
_FOLDER = "adjustment"
_TOP = """# Cross-lingual adjustment: what it did

Made by `python -m research.documents.adjustment` from the tables in `cache/adjustment`, which
`ccta adjust plan collect research/adjustment.toml` collects; nothing here is typed in. The method
and the hypotheses, fixed before the first run, are in [method.md](method.md), section 7. The model
is the embedded multilingual-e5-small, adjusted by LoRA (ours; the papers train every weight) on a
few thousand sentence pairs (the papers: 250,000), the task trained in English and scored elsewhere.

"""
_OTHERS = """## Beside what others found

EFI (Efimov et al., 2023), mBERT: inference up in es, ru, vi and hi; names, retrieval and
cross-lingual answers up in three of them; answers in one language never up; fine-tuning forgets
alignment; continual learning helps inference further. Its tables could not be read, so findings
only.

**Another method**, for scale: AlignFreeze (NAACL 2025; contrastive loss on dictionary links, no
anchor, languages jointly; means over 5 seeds), baseline, realigned, realigned with the lower half
frozen.

| | mBERT | XLM-R base |
|---|---|---|
| XNLI, 12 languages, accuracy | 66.3, 67.4, 67.7 | 73.9, 73.2, 73.6 |
| XQuAD, F1 | 57.1, 52.9, 55.3 | 61.2, 59.4, 59.1 |
| WikiANN, F1 | 68.9, 68.1, 68.9 | 67.3, 67.7, 67.1 |
| XNLI gain es, ru, vi, hi | +.5, +.4, +1.3, +1.3 | -1.0, -.7, -.5, -.4 |

The seeds of names in Spanish differ by 2 to 3 points there: one seed shows nothing.
"""


_LINKS = (
    "Alignment error rate (Och and Ney, 2003; lower is better) of the links that an adjustment "
    "learns from, the words being the gold sets' own. Mutual argmax is one-to-one by itself; "
    "dropping links of equal words loses true ones (names, numbers, punctuation), which teach "
    "nothing. Made by `python -m research.adjustment.links`."
)
_SIZING = (
    "From steps that were measured here and a count of operations; the row's last columns are the "
    "measurement. An A100 is assumed to reach 35% of its peak. Made by "
    "`python -m research.adjustment.cost`."
)


@dataclass(frozen=True, slots=True)
class Dot:
    """A mark of a figure: its label, its value and the interval around it."""

    label: str
    value: float
    low: float | None
    high: float | None


def main() -> None:
    """Writes the page, the tables and the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, default=_DOCS.parent / "cache" / "adjustment")
    parser.add_argument("--docs", type=Path, default=_DOCS)
    options = parser.parse_args()
    write(read_tables(options.tables), options.docs)


def write(tables: Tables, docs: Path) -> None:
    """Writes adjustment.md and the folder beside it."""
    folder = docs / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for path in (*folder.glob("*.csv"), *folder.glob("*.svg")):
        path.unlink()
    for name, table in tables.items():
        shown = table.drop(columns=[c for c in table if str(c).startswith("histogram_")])
        if len(shown) and name != "probe":  # thousands of rows, which the dashboard draws
            shown.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")
    for name, title, dots in figures(tables):
        (folder / f"{name}.svg").write_text(dot_plot(title, dots), encoding="utf-8")
    (docs / "adjustment.md").write_text(page(tables), encoding="utf-8")


def page(tables: Tables) -> str:
    """The document as Markdown."""
    runs = tables["runs"]
    finished = int((runs["state"] == "finished").sum())
    parts = [
        _TOP,
        f"{finished} of the plan's {len(runs)} cells are finished; what is missing reads *not "
        "run*. Differences are in points; each has its 95% interval (items and seeds could both "
        "have been others; arms are paired by seed), its seeds, and the smallest difference that "
        "the design could have shown (80% power, 5% two-sided).\n",
        *(f"**Before all:** {line}.\n" for line in hardly_learnt(tables)),
        *_verdicts(verdicts(tables)),
        _OTHERS,
        *_figures(tables),
        *_scores(tables["scores"]),
        *_doses(tables),
        *_consistency(tables),
        *_apart(tables, "error_rates", "Links against gold alignments", _LINKS),
        *_apart(tables, "sizing", "250,000 pairs on XLM-R base", _SIZING),
        *_runs(runs),
    ]
    return "\n".join(parts)


def _verdicts(all_verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield "## The hypotheses\n"
    yield "| | claim | verdict |\n|---|---|---|"
    yield (
        "\n".join(f"| {each.key} | {each.claim} | **{each.verdict}** |" for each in all_verdicts)
        + "\n"
    )
    for each in all_verdicts:
        if each.evidence:
            yield f"**{each.key}.** {each.claim} *{each.verdict.capitalize()}.*\n"
            yield "\n".join(f"- {line}" for line in each.evidence) + "\n"


def figures(tables: Tables) -> Iterator[tuple[str, str, list[Dot]]]:
    """(file, title, dots) of each question that has an answer yet."""
    contrasts = tables["contrasts"]
    for task in sorted(set(contrasts["task"])) if len(contrasts) else []:
        rows = contrasts[
            (contrasts["task"] == task) & (contrasts["eval_lang"] == contrasts["lang"])
        ]
        dots = [
            Dot(f"{row.lang}: {row.arm} - {row.reference}", 100 * row.difference,
                _points(row.low), _points(row.high))
            for row in rows.itertuples()
        ]  # fmt: skip
        yield f"{task}", f"{task}: difference of two arms, points", dots
    distances = tables["distances"]
    if len(distances):
        last = distances[
            (distances["layer"] == distances["layer"].max())
            & (distances["distance"] == "cosine") & distances["usual"]
        ]  # fmt: skip
        dots = [
            Dot(f"{row.lang}: {row.arm} {row.task} s{row.seed}", row.auc, row.auc_low, row.auc_high)
            for row in last.sort_values(["lang", "task", "arm", "seed"]).itertuples()
        ]
        yield "auc", "AUC of related over unrelated words, last layer", dots
        dose = distances[
            (distances["layer"] == distances["layer"].max()) & (distances["lang"] == "es")
            & (distances["distance"] == "cosine") & (distances["task"] == "")
            & distances["arm"].isin(["original", "adjusted"])
        ]  # fmt: skip
        if dose["pairs"].nunique() > 2:
            dots = [
                Dot(f"{_size(row.pairs)} pairs, {row.noise:.0%} of links re-paired, s{row.seed}",
                    row.auc, row.auc_low, row.auc_high)
                for row in dose.sort_values(["noise", "pairs"]).itertuples()
            ]  # fmt: skip
            yield "dose", "Spanish: AUC by dose and noise, last layer", dots


def _size(pairs: int) -> str:
    return "all" if pairs < 0 else f"{pairs:,}"


def _points(value: float | None) -> float | None:
    return None if value is None or pd.isna(value) else 100 * float(value)


def _figures(tables: Tables) -> Iterator[str]:
    yield "## Figures\n"
    every = list(figures(tables))
    if not every:
        yield "Not run.\n"
    for name, title, dots in every:
        yield f"![{title}, {len(dots)} marks]({_FOLDER}/{name}.svg)\n"


def _scores(scores: pd.DataFrame) -> Iterator[str]:
    """Mean and standard deviation over seeds of every arm, by task."""
    if not len(scores):
        return
    yield "## Scores\n"
    yield (
        "Mean over seeds (standard deviation; number of seeds), in points, at the language's usual "
        f"number of pairs. Every row: [{_FOLDER}/scores.csv]({_FOLDER}/scores.csv).\n"
    )
    usual = scores[scores["usual"]]
    for task, table in usual.groupby("task"):
        langs = [lang for lang in ("en", *PUBLISHED_GAINS, "sw", "ur", "th")
                 if lang in set(table["eval_lang"])]  # fmt: skip
        yield f"**{task}** ({table['metric'].iloc[0]})\n"
        yield f"| adjusted with | arm | {' | '.join(langs)} |"
        yield "|---|---|" + "---:|" * len(langs)
        for (lang, arm), rows in table.groupby(["lang", "arm"]):
            cells = [_cell(rows[rows["eval_lang"] == each]["score"]) for each in langs]
            name = language(str(lang)).name if lang else "-"
            yield f"| {name} | {arm} | {' | '.join(cells)} |"
        yield ""


def _doses(tables: Tables) -> Iterator[str]:
    """Scores, AUC and retrieval by pairs drawn and links re-paired, of languages that have several
    doses.
    """
    scores, distances, sentences = (tables[name] for name in ("scores", "distances", "sentences"))
    other = scores[~scores["usual"]] if len(scores) else scores
    if not len(other):
        return
    yield "## Dose and noise\n"
    yield (
        "Sentence pairs adjusted with, and the share of their links re-paired at random. Inference "
        "in points (the language, English), AUC of related over unrelated words at the last layer, "
        "retrieval of English from Tatoeba at two thirds of the depth, both without a task. One "
        "seed: between seeds of one arm inference differs by two to four points.\n"
    )
    last = distances["layer"].max()
    for (lang, seed), _ in other.groupby(["lang", "seed"]):
        own = [
            table[table["lang"].isin([lang, ""]) & table["seed"].isin([seed, 0])
                  & table["arm"].isin(["original", "adjusted"])]
            for table in (scores[scores["task"] == "nli"], distances, sentences)
        ]  # fmt: skip
        nli, words, found = own
        words = words[(words["task"] == "") & (words["distance"] == "cosine")
                      & (words["layer"] == last)]  # fmt: skip
        found = found[(found["task"] == "") & (found["set"] == "tatoeba") & found["specials"]
                      & (found["lang_of_set"] == lang)
                      & (found["layer"] == round(last * 2 / 3))]  # fmt: skip
        yield f"**{language(str(lang)).name}**, seed {seed}\n"
        yield "| pairs | re-paired | inference | English | AUC | retrieval |"
        yield "|---:|---:|---:|---:|---:|---:|"
        sizes = nli.assign(order=nli["pairs"].replace(-1, 1 << 30)).sort_values(["noise", "order"])
        for pairs, noise in dict.fromkeys(zip(sizes["pairs"], sizes["noise"], strict=True)):
            at = [table[(table["pairs"] == pairs) & (table["noise"] == noise)]
                  for table in (nli, words, found)]  # fmt: skip
            score = at[0].set_index("eval_lang")["score"]
            told = [_first(100 * score.reindex([each]), 1) for each in (lang, "en")]
            told += [_first(at[1]["auc"], 3), _first(100 * at[2]["foreign_to_english"], 1)]
            yield f"| {_size(pairs)} | {noise:.0%} | {' | '.join(told)} |"
        yield ""


def _first(values: pd.Series, digits: int) -> str:
    known = values.dropna()
    return number(float(known.iloc[0]), digits) if len(known) else "not run"


def _consistency(tables: Tables) -> Iterator[str]:
    """How attributions moved: arm against arm over seeds, and whether they move at flips."""
    table = tables["consistency_contrasts"]
    if not len(table):
        return
    yield "## Consistency of attributions\n"
    yield (
        "The same items (XNLI dev, one of a premise, spread over its genres) read by both arms, "
        "English to the language, gold class; difference of the arms with "
        "its 95% interval over items and, where there are several, seeds. "
        "Every row, with the smallest difference that could have been seen: "
        f"[{_FOLDER}/consistency_contrasts.csv]({_FOLDER}/consistency_contrasts.csv).\n"
    )
    names = [label(key) for key in CONSISTENCY]
    yield f"| language | arms | layer | seeds | items | {' | '.join(names)} |"
    yield "|---|---|---:|---:|---:|" + "---|" * len(names)
    places = ["lang", "arm", "reference", "layer"]
    for (lang, arm, reference, layer), rows in table.groupby(places, sort=False):
        by_measure = rows.set_index("measure")
        cells = [
            difference(by_measure.loc[key], resolution=False) if key in by_measure.index else "-"
            for key in CONSISTENCY
        ]
        yield (
            f"| {language(str(lang)).name} | {arm} less {reference} | {layer} | "
            f"{rows['seeds'].max()} | {rows['n'].max()} | {' | '.join(cells)} |"
        )
    yield ""
    yield from _flips(tables["flips"])


def _flips(flips: pd.DataFrame) -> Iterator[str]:
    """Does consistency move where predictions flip?"""
    if not len(flips):
        return
    yield (
        "Where an arm predicts another class than the original, does consistency move further? AUC "
        "of the absolute change on flipped items over that on the others (0.5 says nothing; mean "
        "of the seeds, each in brackets):\n"
    )
    for (lang, arm), of_arm in flips.groupby(["lang", "arm"], sort=False):
        told = [
            f"{label(str(key))} {plain(rows['auc'].mean(), 2)} "
            f"({', '.join(plain(value, 2) for value in rows['auc'])})"
            for key, rows in of_arm.groupby("measure", sort=False)
        ]
        items = of_arm.drop_duplicates("seed")
        yield (
            f"- {language(str(lang)).name}, {arm}: {'; '.join(told)}; "
            f"{items['flipped'].sum()} of {items['n'].sum()} flipped."
        )
    yield ""


def _cell(values: pd.Series) -> str:
    if not len(values):
        return "-"
    points = 100 * values.to_numpy(float)
    spread = f" ({plain(float(points.std(ddof=1)), 1)}; {len(points)})" if len(points) > 1 else ""
    return plain(float(points.mean()), 1) + spread


def _apart(tables: Tables, name: str, title: str, text: str) -> Iterator[str]:
    """A table as it stands, with a heading; nothing where it is not there."""
    table = tables.get(name, pd.DataFrame())
    if not len(table):
        return
    yield f"## {title}\n\n{text}\n"
    yield f"| {' | '.join(map(str, table.columns))} |\n|{'---|' * len(table.columns)}"
    for row in table.itertuples(index=False):
        cells = (f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row)
        yield f"| {' | '.join(cells)} |"
    yield ""


def _runs(runs: pd.DataFrame) -> Iterator[str]:
    yield "## What was run\n"
    yield "| block | finished | of | not run |\n|---|---:|---:|---|"
    for block, rows in runs.groupby("block", sort=False):
        missing = list(rows[rows["state"] != "finished"]["id"])
        shown = ", ".join(missing[:4]) + (
            f" and {len(missing) - 4} more" if len(missing) > 4 else ""
        )
        yield f"| {block} | {len(rows) - len(missing)} | {len(rows)} | {shown or '-'} |"
    yield ""


def dot_plot(title: str, dots: Sequence[Dot]) -> str:
    """A figure in SVG: a row a dot, its interval as a line, zero marked where it is in reach."""
    left, width, row = 300, 420, 22
    ends = [e for dot in dots for e in (dot.value, dot.low, dot.high) if e is not None]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    reach = (high - low) or 1.0
    low, high = low - 0.05 * reach, high + 0.05 * reach
    height = 60 + row * len(dots)

    def place(value: float) -> float:
        return round(left + width * (value - low) / (high - low), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 90} {height}" '
        f'font-family="sans-serif" font-size="12" role="img"><title>{escape(title)}</title>',
        f'<text x="8" y="20" font-size="14">{escape(title)}</text>',
    ]
    if low < 0 < high:
        zero = place(0.0)
        parts.append(f'<line x1="{zero}" x2="{zero}" y1="30" y2="{height - 18}" stroke="#bbb"/>')
    for at, dot in enumerate(dots):
        y = 44 + row * at
        if dot.low is not None and dot.high is not None:
            parts.append(
                f'<line x1="{place(dot.low)}" x2="{place(dot.high)}" y1="{y}" y2="{y}" '
                'stroke="#0072b2" stroke-width="2"/>'
            )
        parts.append(f'<circle cx="{place(dot.value)}" cy="{y}" r="4" fill="#0072b2"/>')
        parts.append(f'<text x="8" y="{y + 4}">{escape(dot.label)}</text>')
        parts.append(f'<text x="{left + width + 12}" y="{y + 4}">{plain(dot.value, 3)}</text>')
    return "\n".join([*parts, "</svg>\n"])


if __name__ == "__main__":
    main()
