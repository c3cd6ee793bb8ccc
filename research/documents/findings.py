"""Writes docs/findings.md, its figures and its tables from the studies that ship.

python -m research.documents.findings [STUDY ...]
"""

import argparse
import re
from pathlib import Path

import pandas as pd

from ccta_core.reports.findings.page import findings
from ccta_core.study.storage.table import open_study

_DOCS = Path(__file__).parents[2] / "docs"
_FOLDER = "findings"
STUDIES = (
    "xnli-training-languages",
    "xnli-seeds",
    "xnli-embeddings",
    "pawsx-training-languages",
    "xquad-training-languages",
)
"""The studies of the document, in its order."""
_STUDIES = "## The studies\n"
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
    if (folder / "randomisation.csv").exists():
        table = pd.read_csv(folder / "randomisation.csv")
        heads = table[table["random"] == "head"]
        means = heads.groupby("model")["kept"].mean()
        lines.append(
            f"- [Random heads and layers](randomisation.md): {len(heads)} heads of "
            f"{len(means)} models keep {heads['kept'].mean():.0%} of the gain on average (single "
            f"heads {heads['kept'].min():.0%} to {heads['kept'].max():.0%})."
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
            "- [Training-set size](training-size.md): how consistency and accuracy grow with the "
            "items a model is trained on."
        )
    lines.append(
        "- [Faithfulness](faithfulness.md): which masses name what the model uses; those of layer "
        "8 are not shown to do so better than random rankings."
    )
    return "## Controls measured apart\n\n" + "\n".join(lines) + "\n\n"


def main() -> None:
    """Writes the page, the figures and the tables of the studies named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", nargs="*", default=STUDIES, help="default: those that ship")
    options = parser.parse_args()
    result = findings(
        [open_study(name) for name in options.studies],
        folder=_FOLDER,
        link_errors=link_errors((_DOCS / "alignment.md").read_text("utf-8")),
        mixed=True,
    )
    folder = _DOCS / _FOLDER
    folder.mkdir(exist_ok=True)
    page = result.page.replace(_STUDIES, measured_apart(folder) + _STUDIES)
    (_DOCS / "findings.md").write_text(page, encoding="utf-8")
    for name, svg in result.figures.items():
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    for name, table in result.tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")


if __name__ == "__main__":
    main()
