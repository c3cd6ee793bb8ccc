"""Adjust: does pulling languages together with parallel text help, and what does it cost?"""

from ccta_core.adjustment.changes import hardly_learnt
from ccta_core.adjustment.summary import sentence
from ccta_core.errors import CctaError
from dashboard import adjustments
from dashboard.session import Session
from dashboard.views.adjust import parts
from dashboard.views.adjust.controls import choosers
from dashboard.views.adjust.film import film
from dashboard.views.adjust.items import items
from dashboard.views.adjust.runs import runs
from dashboard.views.adjust.sentence import sentence_in_arms
from dashboard.views.adjust.words import linked_words
from dashboard.widgets import notices, text_blocks


def page() -> None:
    """The whole page, top to bottom."""
    text_blocks.title("Does adjusting with a parallel corpus bring languages together?")
    session = Session("adjust")
    try:
        tables = adjustments.tables()
        chosen = choosers(session, tables)
    except CctaError as error:
        notices.advice(str(error))
        return
    _show_problems(session, 0)
    finding = sentence(tables, chosen.lang, chosen.task, chosen.arm)
    text_blocks.verdict(finding)
    for line in hardly_learnt(tables, chosen.lang, chosen.task):
        text_blocks.say(f"{line[:1].upper()}{line[1:]}.")
    film(session, tables, chosen, finding)
    sentence_in_arms(session, chosen)
    linked_words(session, chosen)
    above = len(session.problems)
    items(session, tables, chosen)
    _show_problems(session, above)
    parts.layers(tables, chosen)
    parts.dose_and_noise(tables, chosen)
    parts.adapter_dial(tables, chosen)
    parts.join(tables, chosen)
    parts.hypotheses(tables)
    parts.every_table(tables)
    session.keep()
    runs(session, chosen)


def _show_problems(session: Session, first: int) -> None:
    """What was wrong with the address, from the first that was not shown yet."""
    for text in session.problems[first:]:
        notices.advice(text)


page()
