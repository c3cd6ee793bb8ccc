"""Results as cells of a notebook show them: pairs as their whole interactive page in a frame,
attributions as coloured words, studies as a table. Nothing is loaded from anywhere.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ccta_core.languages import language
from ccta_core.reports.pair.marks import explained, prediction_text
from ccta_core.reports.pair.verdict import masses_within
from ccta_core.reports.templates import render
from ccta_core.text import signed
from ccta_core.types import Attribution, Unit

_ROOM, _LINE, _WORDS_A_LINE = 860, 44, 14
"""Pixels of a pair's page without its words, those of a line of words, and words a line."""
_FOR, _AGAINST = "light-dark(#f39a3d, #c46a10)", "light-dark(#74abe8, #3a77bd)"


@dataclass(frozen=True, slots=True)
class Word:
    """A unit with its colour: `before` is the text between it and the unit before it, `strength`
    its share of the largest score, in percent.
    """

    before: str
    text: str
    note: str
    tone: str
    strength: int


def pages_in_frames(documents: Sequence[str], words: int) -> str:
    """Returns whole pages side by side, each in a frame that can't reach the notebook's own page.

    `words` is how many words the longest text has: it decides on the frames' height.
    """
    height = _ROOM + _LINE * (-(-words // _WORDS_A_LINE))
    return render("notebook/frame.html", documents=documents, height=height)


def words_in_colour(attribution: Attribution) -> str:
    """Returns an attribution's words, warm where they are for what is explained and cold where
    they are against it, with the prediction above and the error of the masses below.
    """
    sentence = attribution.sentence
    top = max((abs(float(score)) for score in attribution.scores), default=0.0) or 1.0
    texts = [text for text in (sentence.text, sentence.text2) if text]
    pairs = list(zip(attribution.units, attribution.scores.tolist(), strict=True))
    what = explained(attribution.target_class, attribution.outputs)
    bound = masses_within([attribution.mass_error])
    return render(
        "notebook/words.html",
        heading=f"{language(sentence.lang).name}: {prediction_text(attribution)}; explains {what}",
        lang=sentence.lang,
        segments=[
            list(_words(text, [pair for pair in pairs if pair[0].segment == n], top))
            for n, text in enumerate(texts)
        ],
        error=f"masses {bound}" if bound else "",
    )


def table_of_cells(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], note: str
) -> str:
    """Returns a table under its title, with a line below that says what it leaves out."""
    return render("notebook/table.html", title=title, headings=headings, rows=rows, note=note)


def _words(text: str, pairs: Iterable[tuple[Unit, float]], top: float) -> Iterator[Word]:
    end = 0
    for unit, score in pairs:
        yield Word(
            text[end : unit.start],
            unit.text,
            signed(score, 3),
            _FOR if score >= 0 else _AGAINST,
            round(100 * abs(score) / top),
        )
        end = unit.end
    if end < len(text):
        yield Word(text[end:], "", "", _FOR, 0)
