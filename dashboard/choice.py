"""What a person chose on the Pair page, checked; no Streamlit."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ccta_core.config import Config
from ccta_core.corpus.labels import class_of
from ccta_core.languages import LANGUAGES, language
from ccta_core.models.catalog import ModelInfo
from ccta_core.types import ParallelExample, Sentence
from dashboard.settings import Settings, read_settings

OWN = "own"
"""The item that is typed by hand."""
KEYS = ("model", "item", "src", "tgt", "layer")
"""What every address of the page names."""
TEXT_KEYS = ("s1", "s2", "t1", "t2")
DEFAULTS = {"model": "e5-small/nli-en", "item": "ferry-c", "src": "en", "tgt": "es", "layer": "0"}
MAX_LINK = 4000
"""Own texts of more characters than this are left out of a link: servers refuse long addresses."""
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Offer:
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
    ) -> "Offer":
        """The same with a study's models and items; these come first in the list of its task.

        `labels` is model -> label of the data -> the model's name for it.
        """
        rest = (name for name in self.parts.get(task, ()) if name not in examples)
        return Offer(
            models={**self.models, **models},
            items={**self.items, **examples},
            parts={**self.parts, task: (*examples, *rest)},
            study=study,
            study_task=task,
            labels=labels,
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """One view of the Pair page; `texts` are premise and hypothesis of both sides, if typed.

    `model2` and `layer2` are what the view is compared with: empty and None for the same.
    """

    model: str
    item: str
    src: str
    tgt: str
    layer: int
    texts: tuple[str, ...] = ("", "", "", "")
    study: str = ""
    model2: str = ""
    layer2: int | None = None
    settings: Settings = field(default_factory=Settings)

    def query(self) -> dict[str, str]:
        """The address that opens this view again."""
        found = {key: str(getattr(self, key)) for key in KEYS}
        if self.study:
            found = {"study": self.study} | found
        if self.model2:
            found["model2"] = self.model2
        if self.layer2 is not None:
            found["layer2"] = str(self.layer2)
        if self.item == OWN and self.fits_link:
            found |= {key: text for key, text in zip(TEXT_KEYS, self.texts, strict=True) if text}
        return found | self.settings.query()

    @property
    def fits_link(self) -> bool:
        """Whether the typed texts are short enough, and clean enough, for an address."""
        clean = all(text.isascii() or _encodes(text) for text in self.texts)
        return clean and sum(map(len, self.texts)) <= MAX_LINK

    @property
    def compares(self) -> bool:
        """Whether a second model or layer stands beside the first."""
        return bool(self.model2) or self.layer2 is not None

    @property
    def second(self) -> "Choice":
        """The view it is compared with, as a view of its own."""
        layer = self.layer if self.layer2 is None else self.layer2
        model = self.model2 or self.model
        return replace(self, model=model, layer=layer, model2="", layer2=None)

    def sentences(self, offer: Offer) -> tuple[Sentence, Sentence]:
        """Source and target as the model reads them.

        Raises CctaError where a typed text can't be read.
        """
        if self.item != OWN:
            sides = offer.items[self.item].sentences
            return sides[self.src], sides[self.tgt]
        s1, s2, t1, t2 = self.texts
        return _sentence(s1, self.src, s2), _sentence(t1, self.tgt, t2)

    def request(self, offer: Offer) -> "Request":
        """What decides this view's result. Raises CctaError where a typed text can't be read."""
        config = self.settings.config(self.layer)
        return Request(offer.models[self.model], *self.sentences(offer), config)


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that decides a result."""

    model: ModelInfo
    source: Sentence
    target: Sentence
    config: Config


def choose(wanted: Mapping[str, str], offer: Offer) -> tuple[Choice, list[str]]:
    """The nearest view that exists, and a sentence for everything that had to be replaced."""
    problems: list[str] = []

    def pick(key: str, whose: str, known: Collection[str]) -> str:
        default = DEFAULTS[key] if DEFAULTS[key] in known else next(iter(known))
        value = wanted.get(key, default)
        if value in known:
            return value
        problems.append(f"{_shown(value)} is not {whose}; showing {_name(key, default)} instead.")
        return default

    model = pick("model", "a model that is here", offer.models)
    mine = (*offer.items_for(model), OWN)
    other_task = wanted.get("item") in offer.items and wanted["item"] not in mine
    if other_task or wanted.get("study", "") != offer.study:
        wanted = {**wanted, "item": _first(mine, wanted.get("item", ""))}
    item = pick("item", "an item that is here", mine)
    place = "a known language" if item == OWN else f"a language of {item}"
    src = pick("src", place, offer.languages(item))
    tgt = pick("tgt", place, offer.languages(item))
    layers = [str(layer) for layer in offer.models[model].layers]
    layer = pick("layer", f"a layer of {model}", layers)
    texts = tuple(wanted.get(key, "") for key in TEXT_KEYS) if item == OWN else ("", "", "", "")
    choice = Choice(model, item, src, tgt, int(layer), texts, study=_study(wanted, offer, model))
    choice, more = _compared(choice, wanted, offer)
    settings, odd = read_settings(wanted, offer.models[model])
    return replace(choice, settings=settings), [*problems, *more, *odd]


def texts_of(item: ParallelExample, src: str, tgt: str) -> tuple[str, ...]:
    """An item's four texts, to start one's own from; empty where it lacks a language."""
    found = []
    for lang in (src, tgt):
        sentence = item.sentences.get(lang)
        found += [sentence.text, sentence.text2 or ""] if sentence else ["", ""]
    return tuple(found)


def _compared(choice: Choice, wanted: Mapping[str, str], offer: Offer) -> tuple[Choice, list[str]]:
    """The view with what it is compared with; what does not exist is left out, and said."""
    problems = []
    model2, layer2 = wanted.get("model2", ""), wanted.get("layer2", "")
    if model2 == choice.model:
        model2 = ""
    elif model2 and model2 not in offer.siblings(choice.model):
        if model2 not in offer.models:  # else it is of another task: the first one was changed
            problems.append(f"{_shown(model2)} is not a model that is here; compared with none.")
        model2 = ""
    layers = [str(layer) for layer in offer.models[model2 or choice.model].layers]
    if layer2 and layer2 not in layers:
        where = model2 or choice.model
        problems.append(f"{_shown(layer2)} is not a layer of {where}; showing layer {choice.layer}")
        layer2 = ""
    second = int(layer2) if layer2 else None
    if model2 and second is None and str(choice.layer) not in layers:
        second = int(layers[-1])
    return replace(choice, model2=model2, layer2=second), problems


def _study(wanted: Mapping[str, str], offer: Offer, model: str) -> str:
    """The study stays named while the model is of its task."""
    ours = wanted.get("study") == offer.study and offer.models[model].task == offer.study_task
    return offer.study if ours else ""


def _first(mine: tuple[str, ...], asked: str) -> str:
    """The item asked for, else the one every session begins with, else the first."""
    known = (name for name in (asked, DEFAULTS["item"]) if name in mine)
    return next(known, mine[0])


def _sentence(text: str, lang: str, second: str) -> Sentence:
    return Sentence(text, lang, second if second.strip() else None)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _name(key: str, value: str) -> str:
    if key in ("src", "tgt"):
        return language(value).name
    return f"layer {value}" if key == "layer" else value


def _shown(value: str) -> str:
    return ascii(value) if len(value) <= _SHOWN else ascii(value[:_SHOWN]) + "…"
