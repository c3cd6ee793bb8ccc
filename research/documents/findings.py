"""Writes docs/findings.md, its figures and its tables from the studies that ship.

python -m research.documents.findings [STUDY ...]
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ccta_core.analysis.claims import models
from ccta_core.measures import label
from ccta_core.reports.findings.first_page import Apart
from ccta_core.reports.findings.page import findings, study_line
from ccta_core.reports.markdown import markdown_table
from ccta_core.study.manifest import names
from ccta_core.study.storage.table import Study, open_study
from ccta_core.text import number, p_phrase
from ccta_core.types import ALPHA

_DOCS = Path(__file__).parents[2] / "docs"
_FOLDER = "findings"
STUDIES = (
    "xnli-training-languages",
    "xnli-seeds",
    "xnli-embeddings",
    "pawsx-training-languages",
    "xquad-training-languages",
    "pawsx-chance",
    "xquad-chance",
)
"""The studies of the document, in its order."""
_STUDIES, _TABLES = "## The studies\n", "\n## Tables\n"
_FIRST_GENRE = (
    "`xnli-first-genre`, which does not ship: the first 198 items of XNLI dev (one genre), bf16, "
    "measured by an earlier version; its joint tests are kept, its rows are not."
)
_LINKS = "mutual argmax, centered"
"""The row of docs/alignment.md that says how wrong a study's word links are."""


def link_errors(alignment: str) -> dict[str, float]:
    """Returns the alignment error rate by pair of languages, from the text of docs/alignment.md."""
    _, _, table = alignment.partition("| method |")
    head, *rows = table.splitlines()
    pairs = [re.sub(r" \(n = .*\)", "", cell.strip()) for cell in head.split("|")]
    for row in rows:
        cells = [cell.strip() for cell in row.split("|")]
        if len(cells) > 1 and cells[1] == _LINKS:
            rates = zip(pairs, cells[2:], strict=False)
            return {pair: float(rate) for pair, rate in rates if re.fullmatch(r"..-..", pair)}
    return {}


def measured_apart(folder: Path) -> str:
    """Returns the section on controls that no study holds, from the tables in the folder; nothing
    where there are none.
    """
    lines = []
    heads = random_heads(folder)
    if heads:
        kept = [share for of_model in heads.values() for share in of_model]
        lines.append(
            f"- [Random heads and layers](randomisation.md): {len(kept)} heads of {len(heads)} "
            f"models keep {np.mean(kept):.0%} of the gain on average (single heads {min(kept):.0%} "
            f"to {max(kept):.0%})."
        )
    if (folder / "nulls.csv").exists():
        shares = pd.read_csv(folder / "nulls.csv").groupby("null", sort=False)["share"].mean()
        told = ", ".join(f"{name} {share:.0%}" for name, share in shares.items() if share < 1)
        lines.append(
            "- [Matched nulls](nulls.md): the share of the gain that is left where masses are "
            f"shuffled among like words only: {told}."
        )
    if (folder / "noise.csv").exists():
        moved = pd.read_csv(folder / "noise.csv").set_index("kind")["difference"]
        told = "; ".join(f"{kind} {value:.2f}" for kind, value in moved.items())
        lines.append(
            "- [How far masses move when the meaning does not](noise.md), a floor for claim 3: "
            f"mean difference over linked words: {told}."
        )
    if (folder / "training-size.csv").exists():
        lines.append(
            "- [Training-set size](training-size.md): accuracy, EMS and gain by the number of "
            "items a model is trained on: accuracy grows, consistency does not."
        )
    lines.append(
        "- [Faithfulness](faithfulness.md): which masses name what the model uses; for inference "
        "those of layer 8 by |signed sum| are not shown to do so better than random rankings."
    )
    return "## Controls measured apart\n\n" + "\n".join(lines) + "\n\n"


_FIRST_CLAIM = "\n## Claim 1"
_HELD = ("ems", label("ems_uniform"))
BESIDE = ("xnli-other-models", "ner-demo")
"""Studies of other models and another task, which no claim over training languages can count."""
_SECOND_BACKBONE = (
    "ccta study run --name second-backbone --model symanto/xlm-roberta-base-snli-mnli-anli-xnli "
    "--data xnli:FOLDER#dev --langs ar,de,en,es,hi,ru,zh --layers 8 --spread --limit 36"
)


def other_items(folder: Path, joint: pd.DataFrame) -> str:
    """Returns what the same models gave on other items: XNLI's first rows, 198 items of one genre,
    measured in bfloat16 by an earlier version (first-genre.csv keeps its joint tests).

    Beside the first page where the two decide otherwise; nothing where they agree.
    """
    path = folder / "first-genre.csv"
    if not path.exists():
        return ""
    before, now = (
        table[(table["measure"] == _HELD[0]) & (table["held_fixed"] == _HELD[1])].iloc[0]
        for table in (pd.read_csv(path), joint)
    )
    if (before["p"] < ALPHA) == (now["p"] < ALPHA):
        return ""
    told = "not shown to add" if before["p"] >= ALPHA else "shown to add"
    return (
        f"\nOn [one genre's 198 items](findings/first-genre.csv) EMS was {told}: "
        f"{p_phrase(before['p'])}.\n"
    )


def random_heads(folder: Path) -> dict[str, list[float]]:
    """Returns the share of the gain that each random head keeps, by model (randomisation.csv)."""
    if not (folder / "randomisation.csv").exists():
        return {}
    table = pd.read_csv(folder / "randomisation.csv")
    heads = table[table["random"] == "head"]
    return {str(model): list(kept) for model, kept in heads.groupby("model")["kept"]}


def another_seed(folder: Path) -> float | None:
    """Returns what the words of one sentence differ by under another seed (noise.csv), if known."""
    if not (folder / "noise.csv").exists():
        return None
    moved = pd.read_csv(folder / "noise.csv").set_index("kind")["difference"]
    return float(moved["another seed"]) if "another seed" in moved else None


def beside_the_series(series: Study, others: Sequence[Study]) -> str:
    """Returns the section on models that are no part of the series, a row a model; nothing without
    such studies.
    """
    if not others:
        return ""
    langs = list(others[0].manifest.languages)
    rows = [("the series, mean", *_means(series, None, langs))]
    for study in others:
        for model in study.manifest.models:
            rows.append((model["id"], *_means(study, model["id"], list(study.manifest.languages))))
    shown = [label(key) for key in ("ems", "ems_uniform", "gain", "gain_calibrated", "score")]
    columns = ["model", "task", "languages", "items", *shown]
    return (
        "## Other models and another task\n\nAll pairs of the study's languages, layer 8; the "
        f"series in the same {len(langs)} languages; scores are accuracy, which sentences without "
        "gold names have not. A second backbone is one command away, with the hub and XNLI, and "
        f"was not run here:\n\n    {_SECOND_BACKBONE}\n\n{markdown_table(columns, rows)}\n"
    )


def _means(study: Study, model: str | None, langs: Sequence[str]) -> tuple[str, ...]:
    """Returns a model's means over all pairs of the languages; of all models but twins for None."""
    chosen = [model] if model else models(study)
    found = study.query(
        "SELECT avg(ems) AS ems, avg(ems_uniform) AS uniform, avg(gain) AS gain, "
        "avg(gain - gain_unrelated) AS agreement, avg(target_score) AS score FROM rows "
        "WHERE list_contains(?, model) AND list_contains(?, source_lang) AND "
        "list_contains(?, target_lang)",
        [chosen, list(langs), list(langs)],
    ).iloc[0]
    values = [None if pd.isna(value) else float(value) for value in found]
    return (
        study.manifest.models[0]["task"],
        str(len(langs)),
        str(study.manifest.items),
        *(number(value, 3) for value in values),
    )


def main() -> None:
    """Writes the page, the figures and the tables of the studies named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", nargs="*", default=STUDIES, help="default: those that ship")
    options = parser.parse_args()
    result = findings(
        [open_study(name) for name in options.studies],
        folder=_FOLDER,
        link_errors=link_errors((_DOCS / "alignment.md").read_text("utf-8")),
        apart=Apart(random_heads(_DOCS / _FOLDER), another_seed(_DOCS / _FOLDER)),
        mixed=True,
    )
    folder = _DOCS / _FOLDER
    folder.mkdir(exist_ok=True)
    others = [open_study(name) for name in BESIDE if name in names()]
    apart = beside_the_series(open_study(STUDIES[0]), others) + measured_apart(folder)
    page = result.page.replace(_STUDIES, apart + _STUDIES)
    page = page.replace(_FIRST_CLAIM, other_items(folder, result.tables["joint"]) + _FIRST_CLAIM, 1)
    lines = "".join(f"- {study_line(study)}\n" for study in others)
    if (folder / "first-genre.csv").exists():
        lines += f"- {_FIRST_GENRE}\n"
    page = page.replace(_TABLES, f"{lines}{_TABLES}", 1)
    (_DOCS / "findings.md").write_text(page, encoding="utf-8")
    for name, svg in result.figures.items():
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    for name, table in result.tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")


if __name__ == "__main__":
    main()
