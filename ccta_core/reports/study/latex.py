"""The means as one LaTeX table (booktabs)."""

from itertools import groupby

import pandas as pd

from ccta_core.measures import label
from ccta_core.reports.study.facts import data_name, own_version
from ccta_core.reports.study.means import MeasureMean, Summary, both_ways
from ccta_core.text import plain

_ESCAPED = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "_": r"\_", "%": r"\%", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''",
}  # fmt: skip
_PAGE_ROWS = 45
"""Rows that fit a page."""
_FEWER = r"$^{*}$"
"""Marks a mean over fewer items than its row."""


def latex_table(summary: Summary) -> str:
    """Returns means of EMS and its controls by language pair, with n; models and layers where
    several.

    `longtable` where the rows fill more than a page. A trailing line end.
    """
    frame = _means_frame(summary)
    alignment = "".join("l" if name in ("Model", "Pair") else "r" for name in frame.columns)
    name = "".join(letter if letter.isalnum() else "-" for letter in summary.study.name)
    caption, key = _caption(summary), f"tab:{name}"
    styler = frame.style.hide(axis="index")
    if len(frame) > _PAGE_ROWS:
        packages = "booktabs, longtable"
        text = styler.to_latex(column_format=alignment, hrules=True, environment="longtable")
        # The writer would repeat the whole caption on every page.
        begin, _, rest = text.partition("\n")
        text = f"{begin}\n\\caption{{{caption}}}\\label{{{key}}}\\\\\n{rest}"
    else:
        packages = "booktabs"
        text = styler.to_latex(
            column_format=alignment,
            hrules=True,
            position_float="centering",
            caption=caption,
            label=key,
        )
    return f"% needs \\usepackage{{{packages}}}\n% {own_version()}\n{text}"


def escaped(text: str) -> str:
    """Returns the text as LaTeX sets it, letter for letter, on one line.

    pandas' own escaping lets angle brackets, bars and quotes through.
    """
    return "".join(_ESCAPED.get(letter, letter) for letter in " ".join(text.split()))


def _means_frame(summary: Summary) -> pd.DataFrame:
    """Returns the table's cells as LaTeX; a small gap before each model and layer but the first."""
    manifest = summary.study.manifest
    rows: list[list[str]] = []
    for (model, layer), group in groupby(summary.pairs, lambda pair: (pair.model, pair.layer)):
        keys = [escaped(model)] * (len(manifest.models) > 1) + [str(layer)] * (
            len(manifest.layers) > 1
        )
        pairs = both_ways(list(group), manifest.languages)
        for i, pair in enumerate(pairs):
            names = f"{escaped(pair.source)}--{escaped(pair.target)}"
            means = [_mean_text(pair.means[name], pair.n) for name in summary.columns]
            row = [*keys, names, str(pair.n), *means]
            if rows and i == 0:
                row[0] = f"\\addlinespace\n{row[0]}"
            rows.append(row)
    titles = ["Model"] * (len(manifest.models) > 1) + ["Layer"] * (len(manifest.layers) > 1)
    titles += ["Pair", "n", *(escaped(label(name)) for name in summary.columns)]
    return pd.DataFrame(rows, columns=titles)


def _mean_text(mean: MeasureMean, n: int) -> str:
    if mean.value is None:
        return "--"
    text = plain(mean.value)
    return (f"${text}$" if text.startswith("-") else text) + (_FEWER if mean.n < n else "")


def _caption(summary: Summary) -> str:
    manifest = summary.study.manifest
    done, total = summary.study.done
    models = []
    for model in manifest.models:
        trained = model.get("training_language")
        trained_on = f", trained on {trained}" if trained else ""
        models.append(f"{model['id']} (revision {model['revision']}{trained_on})")
    parts = [
        "Mean Earth Mover's Similarity (EMS) by language pair beside its controls: uniform masses, "
        "shuffled masses, unrelated texts; gain is EMS minus shuffled, and n counts items.",
        f"Data: {data_name(manifest)} ({manifest.source}, {manifest.part_of_data}), "
        f"licence: {manifest.licence}; "
        f"{manifest.items} items.",
        f"{'Models' if len(manifest.models) > 1 else 'Model'}: {'; '.join(models)}; "
        f"{'layers' if len(manifest.layers) > 1 else 'layer'} "
        f"{', '.join(map(str, manifest.layers))}.",
    ]
    if done < total:
        parts.append(f"Unfinished: missing parts: {total - done} of {total}.")
    text = escaped(" ".join(parts))
    fewer = any(
        pair.means[name].value is not None and pair.means[name].n < pair.n
        for pair in summary.pairs
        for name in summary.columns
    )
    return text + (f" {_FEWER}Over fewer items than n." if fewer else "")
