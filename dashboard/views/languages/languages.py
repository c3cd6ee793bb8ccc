"""Languages: which of them the model reads alike, closer, by layer and by training language."""

from ccta_core.errors import CctaError
from dashboard.session import Session
from dashboard.views.languages.layers import flows, layers, target_of
from dashboard.views.languages.matrix import choosers, language_matrix
from dashboard.views.languages.pair import closer
from dashboard.views.languages.training import measure_of, training
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.study_bar import Chosen, pair_of, study_bar


def page() -> None:
    """The whole page: what needs a study, then what needs none."""
    text_blocks.title("Which languages does the model read alike?")
    session = Session("languages")
    chosen = study_bar(session)
    target = target_of(session)
    if chosen is not None:
        _of_study(session, chosen)
    else:
        _problems(session)
    flows(session, target)
    if chosen is not None:
        session.keep()


def _of_study(session: Session, chosen: Chosen) -> None:
    shown, read = choosers(session, chosen), measure_of(session)
    home = chosen.facts.get("training_language")
    pair = pair_of(session, chosen.study.manifest.languages, home)
    _problems(session)
    try:
        langs = language_matrix(session, chosen, shown, pair)
        closer(session, chosen, pair)
        layers(chosen)
        training(session, chosen, langs, read)
    except CctaError as error:
        notices.problem(str(error))


def _problems(session: Session) -> None:
    for text in session.problems:
        notices.advice(text)


page()
