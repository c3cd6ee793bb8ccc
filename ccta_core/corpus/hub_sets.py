"""How the data sets look on the hub: configurations, splits, columns, and what a row says.

The forms are those of the sets' own pages and of google/xtreme, which has most of them; a folder
with the same columns reads the same way.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from ccta_core.corpus.flores import FLORES_CODES
from ccta_core.corpus.items import Item
from ccta_core.corpus.nli import LABELS
from ccta_core.corpus.panx import TAGS, tagged
from ccta_core.corpus.parallel import TATOEBA_CODES
from ccta_core.corpus.pawsx import LABELS as PAIR_LABELS
from ccta_core.corpus.pawsx import untranslated
from ccta_core.corpus.source import Placed
from ccta_core.corpus.squad import MLQA_LANGUAGES, Question, mlqa_split, question_item


@dataclass(frozen=True, slots=True)
class HubRow:
    """One row of a hub data set: `index` from 0, and which item it is to become."""

    values: Mapping[str, Any]
    index: int
    place: str
    split: str
    lang: str

    def text(self, name: str) -> str:
        """A value as text, empty where there is none."""
        value = self.values[name]
        return "" if value is None else str(value).strip()


@dataclass(frozen=True, slots=True)
class HubSet:
    """A data set on the hub.

    `name` is where it usually is; `splits` are ours and the hub's name for each; `configs(split,
    lang)` the names its configuration may have; `placed` makes an item of a row.
    """

    name: str
    splits: Mapping[str, str]
    configs: Callable[[str, str], tuple[str, ...]]
    columns: tuple[str, ...]
    languages: tuple[str, ...]
    placed: Callable[[HubRow], Placed]


def _nli(row: HubRow) -> Placed:
    """XNLI's rows: three a premise, in order."""
    label = row.values["label"]
    known = isinstance(label, int) and 0 <= label < len(LABELS)
    first = row.index - row.index % 3 + 1
    item = Item(
        id=f"{row.split}-{row.index + 1}",
        group=f"{row.split}-{first}",
        lang=row.lang,
        text=row.text("premise"),
        text2=row.text("hypothesis"),
        label=LABELS[label] if known else None,
    )
    return Placed(row.place, item, refused=None if known else "it has no gold label")


def _mnli(row: HubRow) -> Placed:
    """MultiNLI's rows: no order of premises, so each is a group of its own."""
    found = _nli(row)
    id_ = f"mnli-{row.split}-{row.index + 1}"
    return replace(found, item=replace(found.item, id=id_, group=id_))


def _pair(row: HubRow) -> Placed:
    label = PAIR_LABELS.get(row.text("label"))
    number = row.values.get("id") or row.index + 1
    id_ = f"{row.split}-{number}"
    item = Item(id_, id_, row.lang, row.text("sentence1"), row.text("sentence2"), label)
    refused = untranslated(item) if label else "it has no gold label"
    return Placed(row.place, item, refused=refused)


def _question(row: HubRow) -> Placed:
    answers = row.values["answers"]
    if isinstance(answers, dict):
        answers = [
            {"text": text, "answer_start": start}
            for text, start in zip(answers["text"], answers["answer_start"], strict=True)
        ]
    gold = tuple((each["text"], each["answer_start"]) for each in answers)
    title = row.values.get("title") or row.text("id")
    context = str(row.values["context"] or "")
    question = Question(row.text("id"), title, title, row.text("question"), context, gold)
    return question_item(row.place, row.lang, question)


def _tags(row: HubRow) -> Placed:
    tags = [TAGS[tag] if isinstance(tag, int) else str(tag) for tag in row.values["ner_tags"]]
    id_ = f"{row.split}-{row.lang}-{row.index + 1}"
    return tagged(row.place, (id_, id_, row.lang), list(row.values["tokens"]), tags)


def _retrieval(row: HubRow) -> Placed:
    """One side of a pair: the English one where that is asked for; `split` names the other."""
    english = "source" if row.text("source_lang") in ("en", "eng") else "target"
    other = "target" if english == "source" else "source"
    side = english if row.lang == "en" else other
    id_ = f"{row.split}-{row.index + 1}"
    return Placed(row.place, Item(id_, id_, row.lang, row.text(f"{side}_sentence")))


def _sentence(row: HubRow) -> Placed:
    id_ = f"{row.split}-{row.index + 1}"
    return Placed(row.place, Item(id_, id_, row.lang, row.text("text")))


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
