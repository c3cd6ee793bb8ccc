"""Models and data: what is here, how well each model reads each language, what the cache holds."""

from ccta_core.models.added import known
from dashboard.address import Address
from dashboard.components import notice, say
from dashboard.components.models_add import models_add
from dashboard.components.models_data import models_data
from dashboard.components.models_usage import models_usage
from dashboard.components.models_zoo import models_zoo


def page() -> None:
    """The whole page."""
    say.title("Which models and data are here, and how good are they?")
    address = Address("models")
    models_zoo(address, known())
    models_add(address)
    models_data(address)
    models_usage(address)
    for text in address.problems:
        notice.advice(text)
    address.keep()


page()
