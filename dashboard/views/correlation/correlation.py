"""Correlation: does consistency correlate with performance, and do the embeddings alone as well?"""

from ccta_core.analysis.questions import CorrelationQuestion
from ccta_core.errors import CctaError
from dashboard.session import Session
from dashboard.views.correlation.controls import choosers
from dashboard.views.correlation.items import items
from dashboard.views.correlation.models import all_models_table
from dashboard.views.correlation.picture import picture
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.study_bar import Chosen, study_bar


def page() -> None:
    """The whole page, top to bottom."""
    text_blocks.title("Does consistency correlate with performance?")
    session = Session("correlation")
    chosen = study_bar(session, model=False)
    question = choosers(session, chosen) if chosen else None
    for text in session.problems:
        notices.advice(text)
    if chosen is None or question is None:
        return
    session.keep()
    try:
        _show(session, chosen, question)
    except CctaError as error:
        notices.problem(str(error))


def _show(session: Session, chosen: Chosen, question: CorrelationQuestion) -> None:
    if question.x != question.y and picture(session, chosen, question):
        all_models_table(session, chosen, question)
    if question.models:
        items(session, chosen, question)


page()
