"""Opening a pair or an error list from another page: one function each."""

from dashboard import resources
from dashboard.session import Session
from dashboard.views.errors.tables import gold_of
from dashboard.views.pair.settings import of_study
from dashboard.widgets.study_bar import Chosen


def open_pair(
    session: Session, chosen: Chosen, item: str, pair: tuple[str, str], model: str | None = None
) -> None:
    """Opens an item in two languages, with the study's settings and its gold label explained.

    `model` is another of the study's models than the chosen one.
    """
    session.lead_to("pair", pair_query(chosen, item, pair, model))


def pair_query(
    chosen: Chosen, item: str, pair: tuple[str, str], model: str | None = None
) -> dict[str, str]:
    """The address of the item on the Pair page."""
    manifest = chosen.study.manifest
    name = model or chosen.model
    gold = resources.computed(chosen.study, gold_of, item, name)
    settings = of_study(manifest.config, chosen.task, gold)
    return {
        "study": manifest.name,
        "model": name,
        "item": item,
        "src": pair[0],
        "tgt": pair[1],
        "layer": str(chosen.layer),
        **settings.query(),
    }


def open_errors(
    session: Session, chosen: Chosen, model: str, source: str = "", target: str = ""
) -> None:
    """Opens Errors at the chosen layer, filtered to the languages; none named is any."""
    query = {"study": chosen.study.name, "model": model, "layer": str(chosen.layer)}
    sides = {"src": source, "tgt": target}
    named = {side: lang for side, lang in sides.items() if lang}
    session.lead_to("errors", query | named)
