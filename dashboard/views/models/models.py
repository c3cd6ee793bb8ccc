"""Models and data: what is here, how well each model reads each language, what the cache holds."""

from ccta_core.models.added import available_models
from dashboard.session import Session
from dashboard.views.models.sources import models_add, models_data, models_usage
from dashboard.views.models.zoo import models_zoo
from dashboard.widgets import notices, text_blocks


def page() -> None:
    """The whole page."""
    text_blocks.title("Which models and data are here, and how good are they?")
    session = Session("models")
    models_zoo(session, available_models())
    models_add(session)
    models_data(session)
    models_usage(session)
    for text in session.problems:
        notices.advice(text)
    session.keep()


page()
