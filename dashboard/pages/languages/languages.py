"""Languages: which of them the model reads alike, closer, by layer and by training language."""

from ccta_core.errors import CctaError
from dashboard.address import Address
from dashboard.pages.languages.layers import flows, layers, target_of
from dashboard.pages.languages.matrix import choosers, language_matrix
from dashboard.pages.languages.pair import closer
from dashboard.pages.languages.training import measure_of, training
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.study_bar import Chosen, pair_of, study_bar


def page() -> None:
    """The whole page: what needs a study, then what needs none."""
    text_blocks.title("Which languages does the model read alike?")
    address = Address("languages")
    chosen = study_bar(address)
    target = target_of(address)
    if chosen is not None:
        _of_study(address, chosen)
    else:
        _problems(address)
    flows(address, target)
    if chosen is not None:
        address.keep()


def _of_study(address: Address, chosen: Chosen) -> None:
    shown, read = choosers(address, chosen), measure_of(address)
    home = chosen.facts.get("training_language")
    pair = pair_of(address, chosen.study.manifest.languages, home)
    _problems(address)
    try:
        langs = language_matrix(address, chosen, shown, pair)
        closer(address, chosen, pair)
        layers(chosen)
        training(address, chosen, langs, read)
    except CctaError as error:
        notices.problem(str(error))


def _problems(address: Address) -> None:
    for text in address.problems:
        notices.advice(text)


page()
