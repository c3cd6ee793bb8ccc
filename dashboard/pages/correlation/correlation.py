"""Correlation: does consistency go with performance, and do the embeddings alone as well?"""

from ccta_core.analysis.questions import Question
from ccta_core.errors import CctaError
from dashboard.address import Address
from dashboard.pages.correlation.controls import choosers
from dashboard.pages.correlation.items import items
from dashboard.pages.correlation.models import every_model
from dashboard.pages.correlation.picture import picture
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.study_bar import Chosen, study_bar


def page() -> None:
    """The whole page, top to bottom."""
    text_blocks.title("Does consistency go with performance?")
    address = Address("correlation")
    chosen = study_bar(address, model=False)
    question = choosers(address, chosen) if chosen else None
    for text in address.problems:
        notices.advice(text)
    if chosen is None or question is None:
        return
    address.keep()
    try:
        _show(address, chosen, question)
    except CctaError as error:
        notices.problem(str(error))


def _show(address: Address, chosen: Chosen, question: Question) -> None:
    if question.x != question.y:
        picture(address, chosen, question)
        every_model(address, chosen, question)
    if question.models:
        items(address, chosen, question)


page()
