"""Models and data: what is here, how well each model reads each language, what the cache holds."""

from ccta_core.models.added import available_models
from dashboard.address import Address
from dashboard.pages.models.sources import models_add, models_data, models_usage
from dashboard.pages.models.zoo import models_zoo
from dashboard.widgets import notices, text_blocks


def page() -> None:
    """The whole page."""
    text_blocks.title("Which models and data are here, and how good are they?")
    address = Address("models")
    models_zoo(address, available_models())
    models_add(address)
    models_data(address)
    models_usage(address)
    for text in address.problems:
        notices.advice(text)
    address.keep()


page()
