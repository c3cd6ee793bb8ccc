"""What a person chose on the Pair page, checked: the view that an address names; no Streamlit."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from ccta_core.config import Config
from ccta_core.corpus.labels import class_of
from ccta_core.languages import LANGUAGES, language
from ccta_core.models.catalog import ModelInfo
from ccta_core.permissions import Person, person
from ccta_core.types import ParallelExample, Sentence
from dashboard.fields import shown
from dashboard.views.pair.settings import Settings, read_settings

OWN = "own"
"""The item that is typed by hand."""
KEYS = ("model", "item", "src", "tgt", "layer")
"""What every address of the page names."""
TEXT_KEYS = ("s1", "s2", "t1", "t2")
DEFAULTS = {"model": "e5-small/nli-en", "item": "ferry-c", "src": "en", "tgt": "es", "layer": "0"}
MAX_LINK = 4000
"""Own texts of more characters than this are left out of a link: servers refuse long addresses."""
MOST_MODELS = 6
"""Models that are looked at on one item."""


@dataclass(frozen=True, slots=True)
class Options:
    """What there is to choose from: models with a task head, and items, by id.

    `parts` has the ids of the items that a task's models are asked about; `study` names the study
    whose items are among them, if any, and `labels` how its models name the labels of its data.
    """

    models: Mapping[str, ModelInfo]
    items: Mapping[str, ParallelExample]
    parts: Mapping[str, tuple[str, ...]]
    study: str = ""
    study_task: str = ""
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def example(self, model: str, item: str) -> ParallelExample:
        """An item as a model is asked about it: with the model's name for its gold label, without
        one where it is not certainly a class of the model.
        """
        example = self.items[item]
        if example.label is None:
            return example
        classes = self.models[model].labels
        return replace(example, label=class_of(example.label, classes, self.labels.get(model)))

    def items_for(self, model: str) -> tuple[str, ...]:
        """The items of the model's task; none where there is nothing for it."""
        return self.parts.get(self.models[model].task, ())

    def languages(self, item: str) -> tuple[str, ...]:
        """The languages an item has, by name; every known one for a text of one's own."""
        codes = LANGUAGES if item == OWN else self.items[item].sentences
        return tuple(sorted(codes, key=lambda code: language(code).name))

    def siblings(self, model: str) -> tuple[str, ...]:
        """The models of the same task, itself included: those it can be compared with."""
        task = self.models[model].task
        return tuple(name for name, info in self.models.items() if info.task == task)

    def with_study(
        self,
        study: str,
        task: str,
        examples: Mapping[str, ParallelExample],
        models: Mapping[str, ModelInfo],
        labels: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    ) -> "Options":
        """The same with a study's models and items; these come first in the list of its task.

        `labels` is model -> label of the data -> the model's name for it.
        """
        rest = (name for name in self.parts.get(task, ()) if name not in examples)
        return Options(
            models={**self.models, **models},
            items={**self.items, **examples},
            parts={**self.parts, task: (*examples, *rest)},
            study=study,
            study_task=task,
            labels=labels,
        )


@dataclass(frozen=True, slots=True)
class PairRequest:
    """Everything that decides a result, and who asks for it, which does not."""

    model: ModelInfo
    source: Sentence
    target: Sentence
    config: Config
    person: Person = field(default_factory=person, compare=False)


@dataclass(frozen=True, slots=True)
class PairView:
    """One view of the Pair page; `texts` are premise and hypothesis of both sides, if typed.

    `original` is the item whose texts they were before they were edited, if they were one's.
    `model2` and `layer2` are what the view is compared with: empty and None for the same. `basket`
    are models of the same task that stand beside each other.
    """

    model: str
    item: str
    src: str
    tgt: str
    layer: int
    texts: tuple[str, ...] = ("", "", "", "")
    original: str = ""
    study: str = ""
    model2: str = ""
    layer2: int | None = None
    settings: Settings = field(default_factory=Settings)
    basket: tuple[str, ...] = ()

    def values(self) -> dict[str, Any]:
        """What is chosen by its name in the address, as widgets hold it; None is an empty one."""
        values: dict[str, Any] = {name: getattr(self, name) for name in ("study", *KEYS)}
        values |= {"original": self.original, "model2": self.model2 or None, "layer2": self.layer2}
        values["basket"] = list(self.basket)
        if self.item == OWN:
            values |= dict(zip(TEXT_KEYS, self.texts, strict=True))
        return values | self.settings.values()

    def query(self) -> dict[str, str]:
        """The address that opens this view again."""
        query = {"study": self.study} if self.study else {}
        query |= {name: str(getattr(self, name)) for name in KEYS}
        if self.model2:
            query["model2"] = self.model2
        if self.layer2 is not None:
            query["layer2"] = str(self.layer2)
        if self.original:
            query["original"] = self.original
        if self.basket:
            query["basket"] = ",".join(self.basket)
        if self.item == OWN and self.fits_link:
            query |= {key: text for key, text in zip(TEXT_KEYS, self.texts, strict=True) if text}
        return query | self.settings.query()

    @property
    def fits_link(self) -> bool:
        """Whether the typed texts are short enough, and clean enough, for an address."""
        try:
            "".join(self.texts).encode()
        except UnicodeEncodeError:
            return False
        return sum(map(len, self.texts)) <= MAX_LINK

    def before_edits(self, options: Options) -> "PairView | None":
        """The item as it was before its texts were edited; None where they are not an item's."""
        item = options.items.get(self.original)
        if item is None or not {self.src, self.tgt} <= set(item.sentences):
            return None
        return replace(self, item=self.original, original="", texts=("", "", "", ""))

    @property
    def compares(self) -> bool:
        """Whether a second model or layer stands beside the first."""
        return bool(self.model2) or self.layer2 is not None

    @property
    def second(self) -> "PairView":
        """The view it is compared with, as a view of its own."""
        layer = self.layer if self.layer2 is None else self.layer2
        model = self.model2 or self.model
        return replace(self, model=model, layer=layer, model2="", layer2=None, basket=())

    def sentences(self, options: Options) -> tuple[Sentence, Sentence]:
        """Source and target as the model reads them.

        Raises CctaError where a typed text can't be read.
        """
        if self.item != OWN:
            sides = options.items[self.item].sentences
            return sides[self.src], sides[self.tgt]
        s1, s2, t1, t2 = self.texts
        source = Sentence(s1, self.src, s2 if s2.strip() else None)
        return source, Sentence(t1, self.tgt, t2 if t2.strip() else None)

    def request(self, options: Options) -> PairRequest:
        """What decides this view's result. Raises CctaError where a typed text can't be read."""
        config = self.settings.config.with_layer(self.layer)
        return PairRequest(options.models[self.model], *self.sentences(options), config)


def choose(raw: Mapping[str, str], options: Options) -> tuple[PairView, list[str]]:
    """The nearest view that exists, and a sentence for everything that had to be replaced."""
    problems: list[str] = []

    def pick(key: str, expected: str, choices: Collection[str]) -> str:
        default = DEFAULTS[key] if DEFAULTS[key] in choices else next(iter(choices))
        value = raw.get(key, default)
        if value in choices:
            return value
        name = language(default).name if key in ("src", "tgt") else default
        name = f"layer {name}" if key == "layer" else name
        problems.append(f"{shown(value)} is not {expected}; showing {name} instead.")
        return default

    model = pick("model", "a model that is here", options.models)
    items = (*options.items_for(model), OWN)
    of_other_task = raw.get("item") in options.items and raw["item"] not in items
    if of_other_task or raw.get("study", "") != options.study:
        # The item asked for, else the one every session begins with, else the first.
        nearest = (name for name in (raw.get("item", ""), DEFAULTS["item"]) if name in items)
        raw = {**raw, "item": next(nearest, items[0])}
    item = pick("item", "an item that is here", items)
    place = "a known language" if item == OWN else f"a language of {item}"
    src = pick("src", place, options.languages(item))
    tgt = pick("tgt", place, options.languages(item))
    layers = [str(layer) for layer in options.models[model].layers]
    layer = pick("layer", f"a layer of {model}", layers)
    texts = tuple(raw.get(key, "") for key in TEXT_KEYS) if item == OWN else ("", "", "", "")
    # The study stays named while the model is of its task.
    of_study = options.models[model].task == options.study_task
    study = options.study if of_study and raw.get("study") == options.study else ""
    original = raw.get("original", "") if item == OWN else ""
    original = original if original in options.items else ""
    view = PairView(model, item, src, tgt, int(layer), texts, original, study)
    view, of_second = _with_comparison(view, raw, options)
    view, of_basket = _with_basket(view, raw, options)
    settings, of_settings = read_settings(raw, options.models[model])
    return replace(view, settings=settings), [*problems, *of_second, *of_basket, *of_settings]


def texts_of(item: ParallelExample, src: str, tgt: str) -> tuple[str, ...]:
    """An item's four texts, to start one's own from; empty where it lacks a language."""
    sides = (item.sentences.get(src), item.sentences.get(tgt))
    pairs = [(side.text, side.text2 or "") if side else ("", "") for side in sides]
    return (*pairs[0], *pairs[1])


def _with_comparison(
    view: PairView, raw: Mapping[str, str], options: Options
) -> tuple[PairView, list[str]]:
    """The view with what it is compared with; what does not exist is left out, and said."""
    problems = []
    model2, layer2 = raw.get("model2", ""), raw.get("layer2", "")
    if model2 == view.model:
        model2 = ""
    elif model2 and model2 not in options.siblings(view.model):
        if model2 not in options.models:  # else it is of another task: the first one was changed
            problems.append(f"{shown(model2)} is not a model that is here; compared with none.")
        model2 = ""
    name = model2 or view.model
    layers = [str(layer) for layer in options.models[name].layers]
    if layer2 and layer2 not in layers:
        problems.append(f"{shown(layer2)} is not a layer of {name}; showing layer {view.layer}")
        layer2 = ""
    second = int(layer2) if layer2 else None
    if model2 and second is None and str(view.layer) not in layers:
        second = int(layers[-1])
    return replace(view, model2=model2, layer2=second), problems


def _with_basket(
    view: PairView, raw: Mapping[str, str], options: Options
) -> tuple[PairView, list[str]]:
    """The view with the models of its basket; one of another task goes with the first model's."""
    asked = list(dict.fromkeys(name for name in raw.get("basket", "").split(",") if name))
    siblings = options.siblings(view.model)
    basket = [name for name in asked if name in siblings]
    problems = [
        f"{shown(name)} is not a model that is here; left out of the basket."
        for name in asked
        if name not in options.models
    ]
    if len(basket) > MOST_MODELS:
        problems.append(f"A basket holds {MOST_MODELS} models; the first {MOST_MODELS} are shown.")
    return replace(view, basket=tuple(basket[:MOST_MODELS])), problems
