"""The items of a study on the Pair page."""

from collections.abc import Mapping

from ccta_core.errors import CctaError
from ccta_core.models.added import find
from ccta_core.models.catalog import ModelInfo
from dashboard import resources
from dashboard.views.pair.view import Options

_BLOCK = 200
"""Items of a study that can be chosen from at a time: those that lie beside the one shown."""


def with_study(options: Options, raw: Mapping[str, str]) -> tuple[Options, list[str]]:
    """The options with the items of the study that is asked for; else why they are not here."""
    name = raw.get("study", "")
    if not name:
        return options, []
    try:
        manifest = resources.read_study(name).manifest
        item = raw.get("original") or raw.get("item", "")
        ids = _items_beside(resources.text_ids(name), item)
        examples = resources.texts(name, ids)
    except CctaError as error:
        return options, [f"{error}."]
    names = [model["id"] for model in manifest.models]
    labels = {model: manifest.labels_of(model) for model in names}
    models = _further_models(names, options.models)
    return options.with_study(name, manifest.models[0]["task"], examples, models, labels), []


def _items_beside(ids: tuple[str, ...], item: str) -> tuple[str, ...]:
    place = ids.index(item) if item in ids else 0
    start = place // _BLOCK * _BLOCK
    return ids[start : start + _BLOCK]


def _further_models(ids: list[str], offered: Mapping[str, ModelInfo]) -> dict[str, ModelInfo]:
    """Those of the study's models that are here and not offered yet: twins with a random head."""
    models = {}
    for name in ids:
        if name in offered:
            continue
        try:
            models[name] = find(name)
        except CctaError:
            continue  # its rows are here, it is not: choosing it says so
    return models
