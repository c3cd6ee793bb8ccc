"""Numbers and names as people read them; no Streamlit."""

from html import escape

from ccta_core.languages import LANGUAGES, language
from ccta_core.models.catalog import ModelInfo
from ccta_core.types import ParallelExample

_TASKS = {"nli": "NLI", "paraphrase": "paraphrase", "qa": "question answering", "ner": "names"}
_PREMISE = 44


def model_name(info: ModelInfo) -> str:
    """A model as the menu names it: its name, its task, the language it was trained in."""
    name = info.id.split("/")[-1]
    lang = info.training_language
    trained = "several languages"
    if lang:
        trained = LANGUAGES[lang].name if lang in LANGUAGES else lang
    return f"{name} · {_TASKS.get(info.task, info.task)}, {trained}"


def item_name(item: ParallelExample, lang: str) -> str:
    """An item as the menu names it: id, gold label, and the beginning of what tells it from others
    of its group: its second text where it has a label, else its first.
    """
    sentence = item.sentences.get(lang) or next(iter(item.sentences.values()))
    labelled = bool(item.label and sentence.text2)
    text = sentence.text2 if labelled and sentence.text2 else sentence.text
    short = text if len(text) <= _PREMISE else text[:_PREMISE].rsplit(" ", 1)[0] + "…"
    gold = f" · {item.label}" if item.label else ""
    return f"{item.id}{gold} · {short}"


def language_name(code: str) -> str:
    """A language's English name."""
    return language(code).name


def word_cell(text: str, lang: str) -> str:
    """A word as HTML, isolated from the direction of what is around it."""
    return f'<bdi lang="{escape(lang)}">{escape(text)}</bdi>'


def word(text: str, lang: str) -> str:
    """A word in quotes as HTML, isolated from the direction of the line around it."""
    return f"“{word_cell(text, lang)}”"
