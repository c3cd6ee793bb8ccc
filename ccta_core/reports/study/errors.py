"""Chosen comparisons of a study as one self-contained page: texts, numbers, tags, how to repeat."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ccta_core.config import Config
from ccta_core.languages import LANGUAGES
from ccta_core.measures import label
from ccta_core.reports.study.facts import data_name, language_name, own_version
from ccta_core.reports.study.tables import number_or_dash
from ccta_core.reports.templates import render
from ccta_core.store.notes import Remark
from ccta_core.study.manifest import Manifest
from ccta_core.study.storage.table import Study
from ccta_core.text import command_line, count, option
from ccta_core.types import ParallelExample

if TYPE_CHECKING:
    import pandas as pd

MOST = 300
"""Comparisons of a page: more make it heavy to open."""
_MEASURES = (
    "ems", "gain", "ems_uniform", "ems_shuffled", "p_value", "ems_unrelated", "ems_length",
    "link_spearman", "cross_segment_mass",
)  # fmt: skip
_NO_FLAG = ("layer", "target_class", "quadrature")
"""Settings that the command gets from the row, or that it does not take. Of the quadrature it takes
the tolerance, which meant another thing in studies of an earlier schema."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is on the page: rows of a study with all their columns, the first of `total`.

    `examples` and `remarks` are by item; a text or a remark that is not there is left out.
    `address` is the page's own without its query, empty where there is none.
    """

    study: Study
    model: str
    layer: int
    rows: "pd.DataFrame"
    total: int
    verdict: str
    doubt: str
    filters: Sequence[tuple[str, str]]
    examples: Mapping[str, ParallelExample]
    remarks: Mapping[str, Remark]
    address: str = ""
    query: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class CaseSide:
    """One side of a comparison: its texts, what was predicted, and whether that is right.

    `outcome` is "right", "wrong" or empty where it is not known; `direction` "ltr" or "rtl".
    """

    lang: str
    direction: str
    prediction: str
    outcome: str
    segments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A comparison as the page shows it. `link` and `command` are empty where there are none."""

    item: str
    link: str
    languages: str
    gold: str
    source: CaseSide
    target: CaseSide
    measures: Sequence[tuple[str, str]]
    remark: Remark
    command: str


def selection_page(selection: Selection) -> str:
    """Returns a complete HTML document that loads nothing and runs nothing; every text is
    escaped.
    """
    study = selection.study
    manifest, (done, total) = study.manifest, study.done
    setting = (
        f"{data_name(manifest)}, licence of the data: {manifest.licence}, {selection.model}, "
        f"layer {selection.layer}"
    )
    if done < total:
        setting += f", {done} of {total} parts measured so far"
    size = count(selection.total, "comparison")
    if len(selection.rows) < selection.total:
        size = f"The first {len(selection.rows):,} of {size} in this order"
    return render(
        "study/errors.html",
        title=f"Errors in the study {study.name}",
        heading=f"Errors in the study {study.name}",
        setting=setting,
        verdict=selection.verdict,
        doubt=selection.doubt,
        filters=selection.filters,
        link=_link(selection),
        size=size,
        cases=[_case(selection, row) for row in selection.rows.itertuples()],
        written_by=f"Written by {own_version()}.",
    )


def pair_command(manifest: Manifest, row: Any, example: ParallelExample) -> str:
    """Returns the `ccta pair` line that measures a comparison again, quoted for a shell."""
    sides = {side: example.sentences[getattr(row, f"{side}_lang")] for side in ("source", "target")}
    words = option("model", row.model)
    for side, sentence in sides.items():
        words += option(f"{side}-lang", sentence.lang)
    for side, sentence in sides.items():
        words += option(side, sentence.text)
        if sentence.text2 is not None:
            words += option(f"{side}-2", sentence.text2)
        for start, end in sentence.focus:
            words += option(f"{side}-focus", f"{start}:{end}")
    words += option("layer", row.layer)
    if isinstance(row.gold, str):
        words += option("target-class", row.gold)
    usual = Config()
    quadrature = manifest.config["quadrature"]
    same_meaning = quadrature.keys() == asdict(usual.quadrature).keys()
    if same_meaning and quadrature["tolerance"] != usual.quadrature.tolerance:
        words += option("tolerance", quadrature["tolerance"])
    for setting in fields(Config):
        value = manifest.config.get(setting.name)
        if setting.name not in _NO_FLAG and value != getattr(usual, setting.name):
            words += option(setting.name, value)
    return command_line(["pair", *words])


def _case(selection: Selection, row: Any) -> Case:
    example = selection.examples.get(row.item)
    texts = example.sentences if example else {}
    repeatable = example is not None and {row.source_lang, row.target_lang} <= set(texts)
    return Case(
        row.item,
        _link(selection, f"{row.source_lang}-{row.target_lang}-{row.item}"),
        f"{language_name(row.source_lang)} to {language_name(row.target_lang)}",
        row.gold if isinstance(row.gold, str) else "marked in the text",
        _side(row, "source", example),
        _side(row, "target", example),
        [(label(name), number_or_dash(getattr(row, name))) for name in _MEASURES],
        selection.remarks.get(row.item, Remark()),
        pair_command(selection.study.manifest, row, example) if example and repeatable else "",
    )


def _side(row: Any, side: str, example: ParallelExample | None) -> CaseSide:
    lang = getattr(row, f"{side}_lang")
    predicted, right = getattr(row, f"{side}_predicted"), getattr(row, f"{side}_correct")
    confidence = getattr(row, f"{side}_confidence", None)
    if not isinstance(predicted, str):
        # A study that ships has no answers; a head of scores has nothing to be confident about.
        predicted = "answer" if confidence == confidence and confidence else "score"
    sentence = example.sentences.get(lang) if example else None
    return CaseSide(
        lang,
        "rtl" if lang in LANGUAGES and LANGUAGES[lang].rtl else "ltr",
        predicted,
        "" if right is None or right != right else "right" if right else "wrong",
        sentence.segments if sentence else (),
    )


def _link(selection: Selection, row: str = "") -> str:
    """Returns the address of the list, or of a comparison in it; nothing where it is no web
    address.
    """
    if not selection.address.startswith(("http://", "https://")):
        return ""
    query = dict(selection.query or {}) | ({"row": row} if row else {})
    return f"{selection.address}?{urlencode(query)}" if query else selection.address
