"""The means as one LaTeX table (booktabs)."""

from collections.abc import Iterator
from itertools import groupby

from ccta_core.measures import label
from ccta_core.reports.study.facts import data_name, own_version
from ccta_core.reports.study.means import Mean, PairMeans, Summary, both_ways
from ccta_core.text import plain

_ESCAPED = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "_": r"\_", "%": r"\%", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''",
}  # fmt: skip
_LONGEST = 45
"""Rows that fit a page."""
_FEWER = r"$^{*}$"


def latex_table(summary: Summary) -> str:
    """Means of EMS and its controls by language pair, with n; models and layers where several.

    `longtable` where the rows fill more than a page. A trailing line end.
    """
    rows = list(_rows(summary))
    long = len(rows) > _LONGEST
    head, columns = _head(summary), _alignment(summary)
    packages = "booktabs, longtable" if long else "booktabs"
    lines = [f"% needs \\usepackage{{{packages}}}", f"% {own_version()}"]
    caption = f"\\caption{{{_caption(summary)}}}\\label{{tab:{_key(summary)}}}"
    if long:
        lines += [f"\\begin{{longtable}}{{{columns}}}", f"{caption}\\\\", r"\toprule", head]
        lines += [r"\midrule", r"\endfirsthead", r"\toprule", head, r"\midrule", r"\endhead"]
        lines += [*rows, r"\bottomrule", r"\end{longtable}"]
    else:
        lines += [r"\begin{table}", r"\centering", caption, f"\\begin{{tabular}}{{{columns}}}"]
        lines += [r"\toprule", head, r"\midrule", *rows, r"\bottomrule"]
        lines += [r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """The text as LaTeX sets it, letter for letter, on one line."""
    return "".join(_ESCAPED.get(letter, letter) for letter in " ".join(text.split()))


def _keys(summary: Summary) -> list[str]:
    """The columns that tell rows apart, beside the pair."""
    manifest = summary.study.manifest
    return [
        name
        for name, values in (("Model", manifest.models), ("Layer", manifest.layers))
        if len(values) > 1
    ]


def _alignment(summary: Summary) -> str:
    keys = "".join("r" if name == "Layer" else "l" for name in _keys(summary))
    return f"{keys}lr{'r' * len(summary.columns)}"


def _head(summary: Summary) -> str:
    heads = [label(name) for name in summary.columns]
    return " & ".join(map(escaped, [*_keys(summary), "Pair", "n", *heads])) + r" \\"


def _rows(summary: Summary) -> Iterator[str]:
    languages = summary.study.manifest.languages
    first = True
    for (model, layer), found in groupby(summary.pairs, lambda pair: (pair.model, pair.layer)):
        if not first:
            yield r"\addlinespace"
        first = False
        known = {"Model": escaped(model), "Layer": str(layer)}
        keys = [known[name] for name in _keys(summary)]
        for pair in both_ways(list(found), languages):
            yield " & ".join([*keys, *_cells(pair, summary.columns)]) + r" \\"


def _cells(pair: PairMeans, measures: tuple[str, ...]) -> list[str]:
    values = [_value(pair.means[name], pair.n) for name in measures]
    return [f"{escaped(pair.source)}--{escaped(pair.target)}", str(pair.n), *values]


def _value(mean: Mean, n: int) -> str:
    if mean.value is None:
        return "--"
    mark = _FEWER if mean.n < n else ""
    text = plain(mean.value)
    return (f"${text}$" if text.startswith("-") else text) + mark


def _caption(summary: Summary) -> str:
    manifest = summary.study.manifest
    done, total = summary.study.done
    models = "; ".join(_model(model) for model in manifest.models)
    layers = ", ".join(map(str, manifest.layers))
    parts = [
        "Mean Earth Mover's Similarity (EMS) by language pair beside its controls: uniform masses, "
        "shuffled masses, unrelated texts; gain is EMS minus shuffled, and n counts items.",
        f"Data: {data_name(manifest)} ({manifest.source}, {manifest.part_of_data}), "
        f"licence: {manifest.licence}; {manifest.items} items.",
        f"{'Models' if len(manifest.models) > 1 else 'Model'}: {models}; "
        f"{'layers' if len(manifest.layers) > 1 else 'layer'} {layers}.",
    ]
    if done < total:
        parts.append(f"Unfinished: missing parts: {total - done} of {total}.")
    text = escaped(" ".join(parts))
    fewer = any(
        mean.value is not None and mean.n < pair.n
        for pair in summary.pairs
        for name, mean in pair.means.items()
        if name in summary.columns
    )
    return text + (f" {_FEWER}Over fewer items than n." if fewer else "")


def _model(model: dict) -> str:
    trained = model.get("training_language")
    return (
        f"{model['id']} (revision {model['revision']}{f', trained on {trained}' * bool(trained)})"
    )


def _key(summary: Summary) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in summary.study.name)
