"""Correlation: does consistency go with performance, and do the embeddings alone as well?"""

from ccta_core.errors import CctaError
from dashboard.address import Address
from dashboard.components import notice, say
from dashboard.components.correlation_choosers import choosers
from dashboard.components.correlation_items import items
from dashboard.components.correlation_models import every_model
from dashboard.components.correlation_picture import picture
from dashboard.components.study_bar import Chosen, study_bar
from dashboard.tables.correlation import Question


def page() -> None:
    """The whole page, top to bottom."""
    say.title("Does consistency go with performance?")
    address = Address("correlation")
    chosen = study_bar(address, model=False)
    question = choosers(address, chosen) if chosen else None
    for text in address.problems:
        notice.advice(text)
    if chosen is None or question is None:
        return
    address.keep()
    try:
        _show(address, chosen, question)
    except CctaError as error:
        notice.problem(str(error))


def _show(address: Address, chosen: Chosen, question: Question) -> None:
    if question.x != question.y:
        picture(address, chosen, question)
        every_model(address, chosen, question)
    if question.models:
        items(address, chosen, question)


page()
