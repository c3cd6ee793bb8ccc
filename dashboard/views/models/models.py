"""Models and data: what is here, how well each model reads each language, what the cache holds."""

from ccta_core.models.added import available_models, list_problem
from ccta_core.permissions import person
from dashboard.session import Session
from dashboard.views.models.sources import models_add, models_data, models_usage
from dashboard.views.models.zoo import models_zoo
from dashboard.widgets import notices, text_blocks


def page() -> None:
    """The whole page."""
    text_blocks.title("Which models and data are here, and how good are they?")
    session = Session("models")
    if problem := list_problem():
        # Who is no administrator need not know where the file lies.
        notices.advice(problem if person().administrator else "The list of added models is damaged")
    models_zoo(session, available_models())
    models_add(session)
    models_data(session)
    models_usage(session)
    for text in session.problems:
        notices.advice(text)
    session.keep()


page()
