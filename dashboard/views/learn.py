"""Learn: integrated gradients and transport in eight steps on one sentence, without a model."""

from ccta_core.errors import CctaError
from dashboard import resources
from dashboard.address import Address
from dashboard.components import learn_alone, learn_claims, learn_couple, notice
from dashboard.components.learn_frame import head, tail
from dashboard.components.learn_texts import STEPS
from dashboard.components.learn_view import read_view

PICTURES = (
    learn_alone.attribution,
    learn_alone.path,
    learn_alone.completeness,
    learn_alone.units,
    learn_couple.space,
    learn_couple.transport,
    learn_couple.chance,
    learn_claims.claims,
)  # in the order of STEPS


def page() -> None:
    """The step the address names."""
    address = Address("learn")
    view = read_view(address, len(STEPS))
    step = STEPS[view.step - 1]
    head(view, step)
    try:
        lesson = resources.lesson()
    except CctaError as error:
        notice.problem(str(error))
        return
    PICTURES[view.step - 1](view, lesson)
    tail(view, step, lesson)
    address.keep()


page()
