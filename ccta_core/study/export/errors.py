"""Chosen comparisons of a study as one self-contained page: texts, numbers, tags, how to repeat."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ccta_core.command_line import command_line, option
from ccta_core.config import Config
from ccta_core.languages import LANGUAGES
from ccta_core.report.template import still_page
from ccta_core.store.notes import Remark
from ccta_core.study.export.facts import data_name, own_version
from ccta_core.study.export.measures import label
from ccta_core.study.export.words import name_of, safe, shown
from ccta_core.study.plan import Plan
from ccta_core.study.table import Study
from ccta_core.text import count
from ccta_core.types import ParallelExample, Sentence

if TYPE_CHECKING:
    import pandas as pd

MOST = 300
"""Comparisons of a page: more make it heavy to open."""
_MEASURES = (
    "ems", "gain", "ems_uniform", "ems_shuffled", "p_value", "ems_unrelated", "ems_length",
    "link_spearman", "cross_segment_mass",
)  # fmt: skip
_NO_FLAG = ("layer", "target_class", "quadrature")
"""Settings that are said otherwise, or that the command does not take. Of the quadrature it takes
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


def selection_page(selection: Selection) -> str:
    """A complete HTML document that loads nothing and runs nothing; every text is escaped."""
    return still_page("errors.html", "ccta_core.study.export", _contents(selection))


def pair_command(plan: Plan, row: Any, example: ParallelExample) -> str:
    """The `ccta pair` line that measures a comparison again, quoted for a shell."""
    source, target = (example.sentences[lang] for lang in (row.source_lang, row.target_lang))
    words = option("model", row.model)
    words += [*option("source-lang", source.lang), *option("target-lang", target.lang)]
    words += [*_side("source", source), *_side("target", target), *option("layer", row.layer)]
    if isinstance(row.gold, str):
        words += option("target-class", row.gold)
    usual = Config()
    quadrature = plan.config["quadrature"]
    same_meaning = quadrature.keys() == asdict(usual.quadrature).keys()
    if same_meaning and quadrature["tolerance"] != usual.quadrature.tolerance:
        words += option("tolerance", quadrature["tolerance"])
    for one in fields(Config):
        value = plan.config.get(one.name)
        if one.name not in _NO_FLAG and value != getattr(usual, one.name):
            words += option(one.name, value)
    return command_line(["pair", *words])


def _side(name: str, sentence: Sentence) -> Iterator[str]:
    for flag, text in ((name, sentence.text), (f"{name}-2", sentence.text2)):
        if text is not None:
            yield from option(flag, text)
    for start, end in sentence.focus:
        yield from option(f"{name}-focus", f"{start}:{end}")


def _contents(selection: Selection) -> dict[str, str]:
    name = selection.study.name
    return {
        "title": safe(f"Errors in the study {name}"),
        "heading": safe(f"Errors in the study {name}"),
        "setting": safe(_setting(selection)),
        "verdict": safe(selection.verdict),
        "doubt": safe(selection.doubt),
        "filters": _filters(selection),
        "cases": _cases(selection),
        "made": safe(f"Written by {own_version()}."),
    }


def _setting(selection: Selection) -> str:
    plan = selection.study.plan
    facts = (data_name(plan), f"licence of the data: {plan.licence}", selection.model)
    done, total = selection.study.done
    unfinished = "" if done == total else f", {done} of {total} parts measured so far"
    return f"{', '.join(facts)}, layer {selection.layer}{unfinished}"


def _filters(selection: Selection) -> str:
    rows = "".join(
        f'<tr><th scope="row">{safe(name)}</th><td>{safe(value)}</td></tr>'
        for name, value in selection.filters
    )
    link = _link(selection)
    again = f'<p class="quiet"><a href="{safe(link)}">Open this list again</a></p>' if link else ""
    return (
        f'<h2>What was looked for</h2><div class="scroll"><table class="facts"><tbody>{rows}'
        f"</tbody></table></div>{again}"
    )


def _cases(selection: Selection) -> str:
    first = len(selection.rows)
    said = count(selection.total, "comparison")
    if first < selection.total:
        said = f"The first {first:,} of {said} in this order"
    heads = ("item", "source", "target", "EMS and controls", "tags and note", "again")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join(_case(selection, row) for row in selection.rows.itertuples())
    return (
        f'<h2>{safe(said)}</h2><div class="scroll" tabindex="0"><table class="cases"><thead><tr>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _case(selection: Selection, row: Any) -> str:
    example = selection.examples.get(row.item)
    remark = selection.remarks.get(row.item, Remark())
    gold = row.gold if isinstance(row.gold, str) else "marked in the text"
    link = _link(selection, f"{row.source_lang}-{row.target_lang}-{row.item}")
    name = f'<a href="{safe(link)}">{safe(row.item)}</a>' if link else f"<b>{safe(row.item)}</b>"
    pair = f"{name_of(row.source_lang)} to {name_of(row.target_lang)}"
    cells = (
        *(_text(row, side, example) for side in ("source", "target")),
        f"<td><dl>{_numbers(row)}</dl></td>",
        f'<td class="kept">{_kept(remark)}</td>',
        f"<td>{_command(selection, row, example)}</td>",
    )
    return (
        f'<tr><th scope="row">{name}<br>{safe(pair)}<br>gold {safe(gold)}</th>{"".join(cells)}</tr>'
    )


def _text(row: Any, side: str, example: ParallelExample | None) -> str:
    lang = getattr(row, f"{side}_lang")
    said, right = getattr(row, f"{side}_predicted"), getattr(row, f"{side}_correct")
    known = "" if right is None or right != right else "right" if right else "wrong"
    mark = f' <b class="{known}">{known}</b>' if known else ""
    sentence = example.sentences.get(lang) if example else None
    known_lang = LANGUAGES.get(lang)
    way = "rtl" if known_lang and known_lang.rtl else "ltr"
    lines = "".join(
        f'<p dir="{way}"><bdi lang="{safe(lang)}">{safe(text)}</bdi></p>'
        for text in (sentence.segments if sentence else ())
    )
    sure = getattr(row, f"{side}_confidence", None)
    # A study that ships has no answers; a head of scores says nothing that could be sure.
    word = safe(said) if isinstance(said, str) else "answer" if sure == sure and sure else "score"
    return f'<td class="text"><bdi lang="{safe(lang)}">{word}</bdi>{mark}{lines}</td>'


def _numbers(row: Any) -> str:
    known = ((name, getattr(row, name)) for name in _MEASURES)  # None or NaN: a dash
    return "".join(
        f"<dt>{safe(label(name))}</dt><dd>{safe(shown(value))}</dd>" for name, value in known
    )


def _kept(remark: Remark) -> str:
    tags = "".join(f'<span class="tag">{safe(tag)}</span>' for tag in remark.tags)
    return tags + (f'<p class="note">{safe(remark.note)}</p>' if remark.note else "")


def _command(selection: Selection, row: Any, example: ParallelExample | None) -> str:
    langs = {row.source_lang, row.target_lang}
    if example is None or not langs <= set(example.sentences):
        return ""
    line = pair_command(selection.study.plan, row, example)
    return f"<details><summary>command</summary><code>{safe(line)}</code></details>"


def _link(selection: Selection, row: str = "") -> str:
    """The address of the list, or of a comparison in it; nothing where it is no web address."""
    if not selection.address.startswith(("http://", "https://")):
        return ""
    query = dict(selection.query or {}) | ({"row": row} if row else {})
    return f"{selection.address}?{urlencode(query)}" if query else selection.address
