"""The list of comparisons as HTML: both texts in their own direction, right and wrong in words."""

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import regex

from ccta_core.languages import language
from ccta_core.store.notes import Remark
from ccta_core.text import number, percent
from ccta_core.types import ParallelExample, Sentence
from dashboard.views.errors.filters import label
from dashboard.widgets.wording import language_name

if TYPE_CHECKING:
    import pandas as pd

_LONGEST = 320
"""Characters (graphemes) of a text that the list shows; the panel shows all of it."""
_SHOWN = ("ems", "gain", "item")
"""They stand in every row: sorted by one of them, nothing more is shown."""


def list_html(
    page: "pd.DataFrame",
    examples: Mapping[str, ParallelExample],
    remarks: Mapping[str, Remark],
    sort: str,
) -> str:
    """One row a comparison of `tables.page`; every text is escaped.

    A row's `data-pick` is source-target-item. Texts are left out where there is no example.
    """
    rows = (_row(row, examples, remarks, sort) for row in page.itertuples())
    return f'<ol class="ccta-cases">{"".join(rows)}</ol>'


def prediction(row: Any, side: str) -> str:
    """What one side says, whether it is right, in words, and how sure it is.

    An answer, which is a text of its language, stands in its own direction; a study that ships has
    none. A head of scores says nothing that could be sure or right.
    """
    predicted, right, sure = (
        getattr(row, f"{side}_{name}") for name in ("predicted", "correct", "confidence")
    )
    answer = not _text_or_empty(row.gold)
    word = (
        isolated(_text_or_empty(predicted), getattr(row, f"{side}_lang"))
        if answer
        else escape(str(predicted))
    )
    unsure = sure is None or sure != sure
    word = word if _text_or_empty(predicted) else "score" if unsure else "answer"
    judgement = "" if right is None or right != right else "right" if right else "wrong"
    mark = f' <b class="is-{judgement}">{judgement}</b>' if judgement else ""
    return f"{word}{mark} <small>{'' if unsure else percent(sure)}</small>"


def texts(sentence: Sentence | None, *, whole: bool = False) -> str:
    """A sentence's one or two texts as paragraphs in their own direction."""
    if sentence is None:
        return ""
    lines = (text if whole else _shorten(text) for text in sentence.segments)
    way = "rtl" if language(sentence.lang).rtl else "ltr"
    return "".join(f'<p dir="{way}">{isolated(line, sentence.lang)}</p>' for line in lines)


def figure(value: Any) -> str:
    """A measure with three digits, without a sign before zero; a dash where it is not known."""
    return number(None if value is None else float(value), 3)


def isolated(text: str, lang: str) -> str:
    """A word of a language as HTML, apart from the direction of the line around it."""
    return f'<bdi lang="{escape(lang)}">{escape(text)}</bdi>'


def _row(
    row: Any,
    examples: Mapping[str, ParallelExample],
    remarks: Mapping[str, Remark],
    sort: str,
) -> str:
    example, remark = examples.get(row.item), remarks.get(row.item, Remark())
    key = f"{row.source_lang}-{row.target_lang}-{row.item}"
    sides = "".join(_side(row, side, example) for side in ("source", "target"))
    return (
        f'<li class="ccta-case" data-pick="{escape(key)}">{_head(row, key, remark, sort)}'
        f'<div class="ccta-case-sides">{sides}</div></li>'
    )


def _head(row: Any, key: str, remark: Remark, sort: str) -> str:
    names = f"{language_name(row.source_lang)} to {language_name(row.target_lang)}"
    facts = [
        escape(names),
        f"gold {escape(_text_or_empty(row.gold)) or 'in the text'}",
        f"EMS {figure(row.ems)}",
    ]
    facts.append(f"gain {figure(row.gain)}")
    if sort not in _SHOWN:
        facts.append(f"{escape(label(sort))} {figure(row.sorted)}")
    spans = "".join(f"<span>{fact}</span>" for fact in facts)
    tags = "".join(f'<span class="ccta-tag">{escape(tag)}</span>' for tag in remark.tags)
    note = '<span class="ccta-tag is-note">note</span>' if remark.note else ""
    return (
        f'<div class="ccta-case-head"><label class="ccta-case-box"><input type="checkbox" '
        f'data-item="{escape(row.item)}" aria-label="{escape(f"Select {row.item}")}"></label>'
        f'<button type="button" data-pick="{escape(key)}" '
        f'aria-label="{escape(f"Look at {row.item}, {names}")}">{escape(row.item)}</button>'
        f"{spans}{tags}{note}</div>"
    )


def _side(row: Any, side: str, example: ParallelExample | None) -> str:
    lang = getattr(row, f"{side}_lang")
    sentence = example.sentences.get(lang) if example else None
    return (
        f'<div class="ccta-case-side"><div class="ccta-said">{escape(language_name(lang))}: '
        f"{prediction(row, side)}</div>{texts(sentence)}</div>"
    )


def _text_or_empty(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _shorten(text: str) -> str:
    """The beginning of a text; no character is cut."""
    if len(text) <= _LONGEST:
        return text
    match = regex.match(rf"\X{{{_LONGEST}}}", text)
    return text if match is None else match[0].rstrip() + "…"
