"""EMS taken apart: flows that cost most, words without a good partner, what each link adds."""

from collections.abc import Iterable
from html import escape
from typing import Any

from ccta_core.result import PairResult
from ccta_core.text import count, number, percent
from dashboard import state
from dashboard.components import say
from dashboard.components.files import csv_button
from dashboard.components.wording import language_name

_MOST = 12


def costs(result: PairResult) -> None:
    """Three tables, each under the sentence that sums it up; the pinned word narrows the first."""
    _flows(result)
    _partnerless(result)
    _links(result)


def _flows(result: PairResult) -> None:
    from dashboard.tables.pair import dearest, of_word, plan_table

    table, pinned = plan_table(result), state.pin()
    flows = dearest(table)
    head = (
        f"EMS is 1 minus what the transport costs, {number(1 - result.ems)}. A flow costs its mass "
        f"times (1 - cosine); these {len(flows)} make up {percent(flows['share_of_cost'].sum())}."
    )
    if pinned is not None:
        side, index = pinned
        text = getattr(result, side).units[index].text
        flows = dearest(of_word(table, side, index))
        share = percent(flows["share_of_cost"].sum())
        head = f"The flows of the pinned word, {text}: {share} of the whole cost."
    say.heading("Flows that cost most")
    say.say(head)
    rows = [
        (
            *_pair(row, result),
            percent(row.mass, 1),
            number(row.cosine),
            number(row.cost, 3),
            percent(row.share_of_cost, 1),
        )
        for row in flows.itertuples()
    ]
    say.table([*_names(result), "mass", "cosine", "cost", "share of the cost"], rows, html=True)


def _partnerless(result: PairResult) -> None:
    from dashboard.tables.pair_parts import partnerless, usual_best

    table, limits = partnerless(result), usual_best(result)
    names = _names(result)
    shares = [table.loc[table["side"] == side, "poor_mass"].sum() for side in ("source", "target")]
    say.heading("Words whose mass finds no good partner")
    say.say(
        f"{percent(shares[0])} of the {names[0]} mass and {percent(shares[1])} of the {names[1]} "
        "mass move at a cosine below what words of that side find at best on average "
        f"({number(limits[0])} and {number(limits[1])})."
    )
    langs = {"source": result.source.lang, "target": result.target.lang}
    other = {"source": "target", "target": "source"}
    rows = [
        (
            _word(row.word, langs[row.side]),
            percent(row.mass, 1),
            percent(row.poor_share),
            number(row.reached),
            f"{_word(row.best_partner, langs[other[row.side]])} {number(row.best)}",
        )
        for row in table[table["poor_mass"] > 0].head(_MOST).itertuples()
    ]
    heads = ["word", "mass", "of it, poorly", "cosine reached", "best partner, cosine"]
    say.table(heads, rows, html=True)
    csv_button(table, "words-without-partner", key=state.widget("poor_csv"))


def _links(result: PairResult) -> None:
    from dashboard.tables.pair_parts import link_parts

    table = link_parts(result)
    adds, mass = float(table["adds"].sum()), float(table["mass"].sum())
    say.heading("What each word link adds")
    say.say(
        f"{count(len(table), 'pair')} of words {'is' if len(table) == 1 else 'are'} each other's "
        "most similar. The plan moves "
        f"{percent(mass)} of the mass along them, which adds {number(adds)} of EMS "
        f"{number(result.ems)}; all other flows add {number(result.ems - adds)}."
    )
    rows = [
        (*_pair(row, result), percent(row.mass, 1), number(row.cosine), number(row.adds, 3))
        for row in table.head(_MOST).itertuples()
    ]
    say.table([*_names(result), "mass", "cosine", "adds to EMS"], rows, html=True)
    csv_button(table, "word-links", key=state.widget("links_csv"))


def _names(result: PairResult) -> tuple[str, str]:
    return language_name(result.source.lang), language_name(result.target.lang)


def _pair(row: Any, result: PairResult) -> Iterable[str]:
    return _word(row.source, result.source.lang), _word(row.target, result.target.lang)


def _word(text: str, lang: str) -> str:
    return f'<bdi lang="{escape(lang)}">{escape(text)}</bdi>'
