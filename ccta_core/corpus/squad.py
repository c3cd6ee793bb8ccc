"""Questions on paragraphs in SQuAD's JSON: SQuAD 1.1, XQuAD and MLQA.

- `squad` (Rajpurkar et al., 2016), English; `#outside-xquad`: the questions whose paragraph is not
  one of XQuAD's, which must then stand beside it.
- `xquad` (Artetxe et al., 2020), 12 languages, the same ids in each. `#train` and `#heldout` split
  it by article: of the titles in alphabetical order (the same in every language) every fifth,
  beginning with the first, is held out.
- `mlqa` (Lewis et al., 2020), 7 languages, ids shared with English. `#dev` and `#test` ask in the
  language of the context; `#question-es` asks in Spanish about contexts in each language, and
  `#context-es` asks in each language about Spanish contexts (before them `test-` for the test
  part). An item's language is then that of the other text, the one that varies.

An id is the question's own; a group is a paragraph (in MLQA the English one, where it is there).
Every gold answer is kept, each span once.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ccta_core.corpus.answers import answer_spans
from ccta_core.corpus.items import Item
from ccta_core.corpus.lines import files_there
from ccta_core.corpus.source import Found, Placed, Source
from ccta_core.errors import CctaError
from ccta_core.languages import LANGUAGES

MLQA_LANGUAGES = ("ar", "de", "en", "es", "hi", "vi", "zh")


@dataclass(frozen=True, slots=True)
class Question:
    """One question: `answers` are (text, offset into the context)."""

    id: str
    title: str
    group: str
    question: str
    context: str
    answers: tuple[tuple[str, int | None], ...]


def read_questions(path: Path) -> list[Question]:
    """The questions of a file, in its order.

    Raises CctaError where it can't be read or is not in SQuAD's form.
    """
    try:
        data = json.loads(path.read_bytes().decode("utf-8-sig"))
        return [
            _question(article, number, paragraph, row)
            for article in data["data"]
            for number, paragraph in enumerate(article["paragraphs"])
            for row in paragraph["qas"]
        ]
    except OSError as error:
        raise CctaError(f"expected questions at {path} ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CctaError(
            f"{path}: expected SQuAD's JSON (data, paragraphs, context, qas), found something "
            f"else ({type(error).__name__}: {str(error)[:80]})"
        ) from error


def _question(article: Any, number: int, paragraph: Any, row: Any) -> Question:
    answers = tuple((each["text"], int(each["answer_start"])) for each in row.get("answers", ()))
    title = article.get("title", "")
    texts = row["question"].strip(), paragraph["context"]
    return Question(str(row["id"]), title, f"{title}/{number}", *texts, answers)


def question_item(place: str, lang: str, question: Question, group: str | None = None) -> Placed:
    """A question as an item, its answers as spans of the context."""
    found = answer_spans(question.context, question.answers)
    item = Item(
        id=question.id,
        group=group or question.group,
        lang=lang,
        text=question.question,
        text2=question.context,
        answers=found.spans,
    )
    return Placed(place, item, repaired=found.repaired, refused=found.refused)


def _placed(path: Path, question: Question) -> str:
    return f"{path.name}:{question.id}"


def _squad_files(folder: Path) -> list[Path]:
    return files_there(folder, "*v1.1*.json", "SQuAD 1.1")


def _squad_languages(folder: Path, split: str) -> tuple[str, ...]:
    _squad_files(folder)
    return ("en",)


def _read_squad(folder: Path, split: str, lang: str) -> Iterator[Found]:
    contexts = _xquad_contexts(folder) if split == "outside-xquad" else frozenset()
    for path in _squad_files(folder):
        for question in read_questions(path):
            if question.context not in contexts:
                yield question_item(_placed(path, question), lang, question)


def _xquad_contexts(folder: Path) -> frozenset[str]:
    path = folder.resolve().parent / "xquad" / "xquad.en.json"
    if not path.exists():
        raise CctaError(
            f"expected XQuAD's English paragraphs at {path} to leave them out; put them there or "
            "name squad:FOLDER#all"
        )
    return frozenset(question.context for question in read_questions(path))


def _xquad_languages(folder: Path, split: str) -> tuple[str, ...]:
    found = files_there(folder, "xquad.*.json", "XQuAD")
    codes = (path.name.split(".")[1] for path in found)
    return tuple(code for code in codes if code in LANGUAGES)


def _read_xquad(folder: Path, split: str, lang: str) -> Iterator[Found]:
    path = folder / f"xquad.{lang}.json"
    questions = read_questions(path)
    titles = sorted({question.title for question in questions})
    heldout = frozenset(titles[::5])
    for question in questions:
        if split == "all" or (question.title in heldout) == (split == "heldout"):
            yield question_item(_placed(path, question), lang, question)


def _mlqa_folder(folder: Path, part: str) -> Path:
    """The folder of a part: the one named, or below it where MLQA's archive has it."""
    for below in (folder / "MLQA_V1" / part, folder / part):
        if below.is_dir():
            return below
    return folder


def mlqa_split(split: str) -> tuple[str, str, str]:
    """Part, side and language: test-question-es -> test, question, es; dev has only a part."""
    part = "test" if split.startswith("test") else "dev"
    side, _, lang = split.removeprefix(part).removeprefix("-").partition("-")
    return part, side, lang


def _mlqa_path(folder: Path, split: str, lang: str) -> Path:
    part, side, other = mlqa_split(split)
    context = other if side == "context" else lang
    question = other if side == "question" else lang
    name = f"{part}-context-{context}-question-{question}.json"
    return _mlqa_folder(folder, part) / name


def _mlqa_languages(folder: Path, split: str) -> tuple[str, ...]:
    part = mlqa_split(split)[0]
    files_there(_mlqa_folder(folder, part), f"{part}-context-*-question-*.json", "MLQA")
    return tuple(lang for lang in MLQA_LANGUAGES if _mlqa_path(folder, split, lang).exists())


def _read_mlqa(folder: Path, split: str, lang: str) -> Iterator[Found]:
    path = _mlqa_path(folder, split, lang)
    english = _mlqa_path(folder, mlqa_split(split)[0], "en")
    groups = {each.id: each.group for each in read_questions(english)} if english.exists() else {}
    for question in read_questions(path):
        yield question_item(_placed(path, question), lang, question, groups.get(question.id))


_MIXED = tuple(f"{side}-{lang}" for side in ("question", "context") for lang in MLQA_LANGUAGES)

SOURCES = (
    Source(
        name="squad",
        what="questions on paragraphs, English (SQuAD 1.1); XQuAD's paragraphs left out",
        task="qa",
        folder="squad_v1.1_dev",
        licence="CC BY-SA 4.0",
        splits=("outside-xquad", "all"),
        languages=_squad_languages,
        read=_read_squad,
    ),
    Source(
        name="xquad",
        what="questions on paragraphs, 12 languages, the same questions in each",
        task="qa",
        folder="xquad",
        licence="CC BY-SA 4.0",
        splits=("all", "train", "heldout"),
        languages=_xquad_languages,
        read=_read_xquad,
    ),
    Source(
        name="mlqa",
        what="questions on paragraphs, 7 languages, also question and context in different ones "
        "(#question-LANG, #context-LANG)",
        task="qa",
        folder="mlqa",
        licence="CC BY-SA 3.0",
        splits=("dev", "test"),
        languages=_mlqa_languages,
        read=_read_mlqa,
        more_splits=(*_MIXED, *(f"test-{split}" for split in _MIXED)),
    ),
)
