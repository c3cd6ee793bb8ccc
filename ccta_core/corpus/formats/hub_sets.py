"""Describes the data sets on the hub: configurations, splits, columns, and how a row becomes an
item.

The forms are those of the sets' own pages and of google/xtreme, which has most of them; a folder
with the same columns reads the same way.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple

from ccta_core.corpus.cells import UNLABELLED, class_names, label_of, text_of, whole_number_of
from ccta_core.corpus.formats.flores import FLORES_CODES
from ccta_core.corpus.formats.panx import TAGS, tagged_item
from ccta_core.corpus.formats.parallel import TATOEBA_CODES
from ccta_core.corpus.formats.pawsx import untranslated
from ccta_core.corpus.formats.squad import MLQA_LANGUAGES, mlqa_split, question_item, question_of
from ccta_core.corpus.items import Item
from ccta_core.corpus.labels import CLASSES, class_of
from ccta_core.corpus.source import PlacedItem


@dataclass(frozen=True, slots=True)
class HubRow:
    """One row of a hub data set: `index` from 0, and the split and language of the item it
    becomes.
    """

    values: Mapping[str, Any]
    index: int
    place: str
    split: str
    lang: str

    def text(self, name: str) -> str:
        """Returns a value as text, empty where there is none. Raises CctaError as
        `cells.text_of`.
        """
        return text_of(self.values[name])

    def label(self, classes: Sequence[str]) -> "GoldLabel":
        """Returns the class that the row's label names or numbers."""
        label = label_of(self.values["label"])
        if label in UNLABELLED or label == "-1":  # the hub's number for no class
            return GoldLabel(None, "it has no gold label")
        number = whole_number_of(label)
        class_name = class_of(label, classes)
        if number is not None and 0 <= number < len(classes):
            class_name = classes[number]
        if class_name is None:
            return GoldLabel(None, f"unknown label {label!r}, expected {', '.join(classes)}")
        return GoldLabel(class_name, None)


class GoldLabel(NamedTuple):
    """The gold class of a row, or the reason why it has none; one of the two is None."""

    class_name: str | None
    refused: str | None


@dataclass(frozen=True, slots=True)
class HubSet:
    """A data set on the hub.

    `name` is where it usually is; `splits` are ours and the hub's name for each; `configs(split,
    lang)` the names its configuration may have; `placed` makes an item of a row. `own_ids`: where
    rows have an id, it is the item's; `prepare(rows, lang)` looks at all rows of a language first.
    """

    name: str
    splits: Mapping[str, str]
    configs: Callable[[str, str], tuple[str, ...]]
    columns: tuple[str, ...]
    languages: tuple[str, ...]
    placed: Callable[[HubRow], PlacedItem]
    own_ids: bool = False
    prepare: "Callable[[Rows, str], Rows] | None" = None


Rows = Iterator[tuple[str, dict[str, Any]]]
"""(where it stands, its values) of one row after another."""


def _nli(row: HubRow) -> PlacedItem:
    """Reads XNLI's rows, which stand in order, three a premise."""
    label, refused = row.label(CLASSES["nli"])
    first = row.index - row.index % 3 + 1
    item = Item(
        id=f"{row.split}-{row.index + 1}",
        group=f"{row.split}-{first}",
        lang=row.lang,
        text=row.text("premise"),
        text2=row.text("hypothesis"),
        label=label,
    )
    return PlacedItem(row.place, item, refused=refused)


def _mnli(row: HubRow) -> PlacedItem:
    """Reads MultiNLI's rows; their premises have no order, so each row is a group of its own."""
    placed = _nli(row)
    id_ = f"mnli-{row.split}-{row.index + 1}"
    return replace(placed, item=replace(placed.item, id=id_, group=id_))


def _pair(row: HubRow) -> PlacedItem:
    label, refused = row.label(CLASSES["paraphrase"])
    number = row.text("id") if "id" in row.values else str(row.index + 1)
    id_ = f"{row.split}-{number}"
    item = Item(id_, id_, row.lang, row.text("sentence1"), row.text("sentence2"), label)
    if not number:
        refused = "it has no id"
    return PlacedItem(row.place, item, refused=refused or untranslated(item))


def _question(row: HubRow) -> PlacedItem:
    group = text_of(row.values.get("title")) or text_of(row.values["id"])
    question = question_of(row.values, title=group, group=group, context=row.values["context"])
    return question_item(row.place, row.lang, question)


def _tags(row: HubRow) -> PlacedItem:
    """Reads tokens with the names or the numbers of their tags; -100 marks pieces without a tag."""
    id_ = f"{row.split}-{row.lang}-{row.index + 1}"
    words = [text_of(token) for token in row.values["tokens"] or ()]
    tags = [class_names(tag, TAGS) for tag in row.values["ner_tags"] or ()]
    wrong = [place for place, tag in enumerate(tags) if not isinstance(tag, str)]
    if wrong and len(tags) == len(words):
        item = Item(id_, id_, row.lang, " ".join(words))
        reason = f"the tag {tags[wrong[0]]} of token {wrong[0] + 1} is not the number of one"
        return PlacedItem(row.place, item, refused=reason)
    return tagged_item(row.place, (id_, id_, row.lang), words, [str(tag) for tag in tags])


def _without_language(rows: Rows, lang: str) -> Rows:
    """Yields the rows without the language before every token (`en:Ada`), where all of them have
    it.
    """
    prefix = f"{lang}:"

    def has(values: Mapping[str, Any]) -> bool:
        tokens = values["tokens"]
        return isinstance(tokens, list) and all(str(token).startswith(prefix) for token in tokens)

    first = next(rows, None)
    if first is None or not has(first[1]):
        yield from () if first is None else (first,)
        yield from rows
        return
    held = [first, *rows]
    whole = all(has(values) for _, values in held)
    for place, values in held:
        tokens = values["tokens"]
        yield (
            place,
            {**values, "tokens": [t.removeprefix(prefix) for t in tokens]} if whole else values,
        )


def _retrieval(row: HubRow) -> PlacedItem:
    """Reads one side of a pair, the English one where it is asked for; `split` names the other."""
    english = "source" if row.text("source_lang") in ("en", "eng") else "target"
    other = "target" if english == "source" else "source"
    side = english if row.lang == "en" else other
    id_ = f"{row.split}-{row.index + 1}"
    return PlacedItem(row.place, Item(id_, id_, row.lang, row.text(f"{side}_sentence")))


def _sentence(row: HubRow) -> PlacedItem:
    id_ = f"{row.split}-{row.index + 1}"
    return PlacedItem(row.place, Item(id_, id_, row.lang, row.text("text")))


def _mlqa_configs(split: str, lang: str) -> tuple[str, ...]:
    _, side, other = mlqa_split(split)
    context = other if side == "context" else lang
    question = other if side == "question" else lang
    return f"mlqa.{context}.{question}", f"MLQA.{context}.{question}"


_XNLI = ("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
_XQUAD = ("ar", "de", "el", "en", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh")
_PANX = (
    "af", "ar", "bg", "bn", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr", "he", "hi", "hu",
    "id", "it", "ja", "jv", "ka", "kk", "ko", "ml", "mr", "ms", "my", "nl", "pt", "ru", "sw", "ta",
    "te", "th", "tl", "tr", "ur", "vi", "zh",
)  # fmt: skip
_ANSWERS = ("id", "context", "question", "answers")
_MLQA_SPLITS = {
    name: {"dev": "validation", "test": "test"}[part]
    for part in ("dev", "test")
    for name in (
        part,
        *(
            f"{'test-' if part == 'test' else ''}{side}-{lang}"
            for side in ("question", "context")
            for lang in MLQA_LANGUAGES
        ),
    )
}
HUB_SETS: Mapping[str, HubSet] = MappingProxyType({
    "xnli": HubSet(
        "facebook/xnli",
        {"dev": "validation", "test": "test"},
        lambda split, lang: (lang,),
        ("premise", "hypothesis", "label"),
        _XNLI,
        _nli,
    ),
    "mnli": HubSet(
        "nyu-mll/multi_nli",
        {"train": "train", "validation": "validation_matched"},
        lambda split, lang: ("default",),
        ("premise", "hypothesis", "label"),
        ("en",),
        _mnli,
    ),
    "pawsx": HubSet(
        "google-research-datasets/paws-x",
        {"dev": "validation", "test": "test"},
        lambda split, lang: (lang, f"PAWS-X.{lang}"),
        ("sentence1", "sentence2", "label"),
        ("de", "en", "es", "fr", "ja", "ko", "zh"),
        _pair,
        own_ids=True,
    ),
    "mrpc": HubSet(
        "nyu-mll/glue",
        {"train": "train", "test": "test"},
        lambda split, lang: ("mrpc",),
        ("sentence1", "sentence2", "label"),
        ("en",),
        _pair,
    ),
    "squad": HubSet(
        "rajpurkar/squad",
        {"all": "validation"},
        lambda split, lang: ("plain_text", "SQuAD"),
        _ANSWERS,
        ("en",),
        _question,
    ),
    "xquad": HubSet(
        "google/xquad",
        {"all": "validation"},
        lambda split, lang: (f"xquad.{lang}", f"XQuAD.{lang}"),
        _ANSWERS,
        _XQUAD,
        _question,
    ),
    "mlqa": HubSet(
        "google/xtreme", _MLQA_SPLITS, _mlqa_configs, _ANSWERS, MLQA_LANGUAGES, _question
    ),
    "panx": HubSet(
        "google/xtreme",
        {"train": "train", "dev": "validation"},
        lambda split, lang: (f"PAN-X.{lang}", lang),
        ("tokens", "ner_tags"),
        _PANX,
        _tags,
        prepare=_without_language,
    ),
    "tatoeba": HubSet(
        "google/xtreme",
        {"test": "validation"},
        lambda split, lang: (f"tatoeba.{TATOEBA_CODES[lang]}",),
        ("source_sentence", "target_sentence", "source_lang"),
        tuple(TATOEBA_CODES),
        _retrieval,
    ),
    "flores": HubSet(
        "openlanguagedata/flores_plus",
        {"devtest": "devtest"},
        lambda split, lang: (FLORES_CODES[lang],),
        ("text",),
        tuple(FLORES_CODES),
        _sentence,
    ),
})  # fmt: skip
