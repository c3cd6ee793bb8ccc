"""What a person chose on the Pair page, checked; no Streamlit."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ccta_core.config import Config
from ccta_core.languages import LANGUAGES, language
from ccta_core.models.catalog import ModelInfo
from ccta_core.types import ParallelExample, Sentence

OWN = "own"
"""The item that is typed by hand."""
KEYS = ("model", "item", "src", "tgt", "layer")
TEXT_KEYS = ("s1", "s2", "t1", "t2")
DEFAULTS = {"model": "e5-small/nli-en", "item": "ferry-c", "src": "en", "tgt": "es", "layer": "0"}
MAX_LINK = 4000
"""Own texts of more characters than this are left out of a link: servers refuse long addresses."""
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Offer:
    """What there is to choose from: models with a task head, and the demo's items, by id.

    `parts` has the ids of the items that a task's models are asked about.
    """

    models: Mapping[str, ModelInfo]
    items: Mapping[str, ParallelExample]
    parts: Mapping[str, tuple[str, ...]]

    def items_for(self, model: str) -> tuple[str, ...]:
        """The items of the model's task; none where the demo has nothing for it."""
        return self.parts.get(self.models[model].task, ())

    def languages(self, item: str) -> tuple[str, ...]:
        """The languages an item has, by name; every known one for a text of one's own."""
        codes = LANGUAGES if item == OWN else self.items[item].sentences
        return tuple(sorted(codes, key=lambda code: language(code).name))


@dataclass(frozen=True, slots=True)
class Choice:
    """One view of the Pair page; `texts` are premise and hypothesis of both sides, if typed."""

    model: str
    item: str
    src: str
    tgt: str
    layer: int
    texts: tuple[str, ...] = ("", "", "", "")

    def query(self) -> dict[str, str]:
        """The address that opens this view again."""
        found = {key: str(getattr(self, key)) for key in KEYS}
        if self.item == OWN and self.fits_link:
            found |= {key: text for key, text in zip(TEXT_KEYS, self.texts, strict=True) if text}
        return found

    @property
    def fits_link(self) -> bool:
        """Whether the typed texts are short enough, and clean enough, for an address."""
        clean = all(text.isascii() or _encodes(text) for text in self.texts)
        return clean and sum(map(len, self.texts)) <= MAX_LINK

    def sentences(self, offer: Offer) -> tuple[Sentence, Sentence]:
        """Source and target as the model reads them.

        Raises CctaError where a typed text can't be read.
        """
        if self.item != OWN:
            sides = offer.items[self.item].sentences
            return sides[self.src], sides[self.tgt]
        s1, s2, t1, t2 = self.texts
        return _sentence(s1, self.src, s2), _sentence(t1, self.tgt, t2)


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
    if wanted.get("item") in offer.items and wanted["item"] not in mine:
        wanted = {**wanted, "item": mine[0]}  # an item of the task of another model
    item = pick("item", "an item of the demo", mine)
    place = "a known language" if item == OWN else f"a language of {item}"
    src = pick("src", place, offer.languages(item))
    tgt = pick("tgt", place, offer.languages(item))
    layers = [str(layer) for layer in offer.models[model].layers]
    layer = pick("layer", f"a layer of {model}", layers)
    texts = tuple(wanted.get(key, "") for key in TEXT_KEYS) if item == OWN else ("", "", "", "")
    return Choice(model, item, src, tgt, int(layer), texts), problems


def texts_of(item: ParallelExample, src: str, tgt: str) -> tuple[str, ...]:
    """An item's four texts, to start one's own from; empty where it lacks a language."""
    found = []
    for lang in (src, tgt):
        sentence = item.sentences.get(lang)
        found += [sentence.text, sentence.text2 or ""] if sentence else ["", ""]
    return tuple(found)


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
