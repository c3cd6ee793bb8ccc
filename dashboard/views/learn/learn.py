"""Learn: integrated gradients and transport in ten steps on one sentence, without a model."""

from ccta_core.errors import CctaError
from dashboard import resources
from dashboard.session import Session
from dashboard.views.learn import alone, claims, couple, pulling
from dashboard.views.learn.frame import head, tail
from dashboard.views.learn.view import STEPS, read_view
from dashboard.widgets import notices

PICTURES = (
    alone.attribution,
    alone.path,
    alone.completeness,
    alone.units,
    couple.space,
    couple.transport,
    couple.chance,
    pulling.pulled,
    pulling.placebo,
    claims.claims,
)  # in the order of STEPS


def page() -> None:
    """The step the address names."""
    session = Session("learn")
    view = read_view(session, len(STEPS))
    step = STEPS[view.step - 1]
    head(view, step)
    try:
        lesson = resources.lesson()
    except CctaError as error:
        notices.problem(str(error))
        return
    PICTURES[view.step - 1](view, lesson)
    tail(view, step, lesson)
    session.keep()


page()
