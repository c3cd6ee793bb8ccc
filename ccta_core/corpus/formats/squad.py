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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ccta_core.corpus.answers import answer_spans
from ccta_core.corpus.cells import text_of, whole_number_of
from ccta_core.corpus.items import Item, LeftOut
from ccta_core.corpus.lines import list_files
from ccta_core.corpus.source import DataSource, PlacedItem, ReaderOutput
from ccta_core.errors import CctaError
from ccta_core.languages import LANGUAGES

MLQA_LANGUAGES = ("ar", "de", "en", "es", "hi", "vi", "zh")


@dataclass(frozen=True, slots=True)
class SquadQuestion:
    """One question: `answers` are (text, offset into the context).

    `left_out` says why answers of it can't be used, `refused` why the question can't.
    """

    id: str
    title: str | None
    group: str
    question: str
    context: str
    answers: tuple[tuple[str, int], ...]
    left_out: tuple[str, ...] = ()
    refused: str | None = None


def read_questions(path: Path) -> list[SquadQuestion | LeftOut]:
    """Reads the questions of a file, in its order; what is no question is listed by place and
    reason.

    Raises CctaError where the file can't be read or is not in SQuAD's form as a whole.
    """
    try:
        articles = json.loads(path.read_bytes().decode("utf-8-sig"))["data"]
        if not isinstance(articles, list):
            raise TypeError("data is no list")
    except OSError as error:
        raise CctaError(f"expected questions at {path} ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CctaError(
            f"{path}: expected SQuAD's JSON (data, paragraphs, context, qas), found something "
            f"else ({type(error).__name__}: {str(error)[:80]})"
        ) from error
    return [question for place, article in enumerate(articles, 1)
            for question in _article(f"{path.name}:article {place}", article)]  # fmt: skip


def _article(place: str, article: Any) -> Iterator[SquadQuestion | LeftOut]:
    """Yields the questions of an article; one without a title is a group by its place."""
    paragraphs = article.get("paragraphs") if isinstance(article, dict) else None
    if not isinstance(paragraphs, list):
        yield LeftOut(place, "it has no list of paragraphs")
        return
    title = article.get("title", "")
    for number, paragraph in enumerate(paragraphs):
        here = f"{place}, paragraph {number + 1}"
        rows = paragraph.get("qas") if isinstance(paragraph, dict) else None
        if not isinstance(rows, list):
            yield LeftOut(here, "it has no list of questions (qas)")
            continue
        group = f"{title or place.rpartition(':')[2]}/{number}"
        for position, row in enumerate(rows, 1):
            if not isinstance(row, dict) or isinstance(row.get("id"), list | dict):
                yield LeftOut(f"{here}, question {position}", "it is no question with an id")
                continue
            question = question_of(row, title=title, group=group, context=paragraph.get("context"))
            yield (
                question if question.id else LeftOut(f"{here}, question {position}", "it has no id")
            )


def question_of(row: Mapping[str, Any], *, title: Any, group: str, context: Any) -> SquadQuestion:
    """Makes a question of its values; null, or a value of another type, refuses it."""
    texts = {"question": row.get("question"), "context": context, "title": title}
    wrong = [name for name, text in texts.items() if not isinstance(text, str)]
    refused = f"its {wrong[0]} is no text, found {_described(texts[wrong[0]])}" if wrong else None
    answers, left_out = _answers(row.get("answers"), "" if wrong else context)
    id_ = text_of(row.get("id"))
    return SquadQuestion(
        id=id_,
        title=title if isinstance(title, str) else None,
        group=group,
        question="" if wrong else texts["question"].strip(),
        context="" if wrong else context,
        answers=answers,
        left_out=left_out,
        refused=refused
        or (None if id_ else "it has no id")
        or (left_out[0] if left_out and not answers else None),
    )


def _answers(value: Any, context: str) -> tuple[tuple[tuple[str, int], ...], tuple[str, ...]]:
    """Returns the gold answers that can be searched for in a context, and why others can't.

    They come as a list of objects (SQuAD's files) or as an object of two lists (the hub's).
    """
    if isinstance(value, dict):
        texts, starts = value.get("text"), value.get("answer_start")
        if not (isinstance(texts, list) and isinstance(starts, list) and len(texts) == len(starts)):
            return (), ("its answers have not as many texts as starts",)
        pairs = zip(texts, starts, strict=True)
        value = [{"text": text, "answer_start": start} for text, start in pairs]
    if not isinstance(value, list):
        return (), (f"its answers are no list, found {_described(value)}",)
    answers, left_out = [], []
    for answer in value:
        text = answer.get("text") if isinstance(answer, dict) else None
        start = whole_number_of(answer.get("answer_start")) if isinstance(answer, dict) else None
        if not isinstance(text, str):
            left_out.append(f"an answer's text is no text, found {_described(text)}")
        elif start is None or not 0 <= start < max(len(context), 1):
            where = answer.get("answer_start")
            left_out.append(f"an answer begins at {_described(where)}, no place in its context")
        else:
            answers.append((text, start))
    return tuple(answers), tuple(left_out)


def _described(value: Any) -> str:
    """Writes a value for a message: numbers and null as they are, all else by its kind."""
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, str):
        return repr(value[:40])
    return "an object" if isinstance(value, dict) else "a list"


def question_item(
    place: str, lang: str, question: SquadQuestion, group: str | None = None
) -> PlacedItem:
    """Makes an item of a question, its answers as spans of the context."""
    if question.refused:
        item = Item(question.id, group or question.group, lang, question.question)
        return PlacedItem(place, item, refused=question.refused)
    located = answer_spans(question.context, question.answers)
    item = Item(
        id=question.id,
        group=group or question.group,
        lang=lang,
        text=question.question,
        text2=question.context,
        answers=located.spans,
    )
    repaired = (*located.repaired, *(f"{reason}: left out" for reason in question.left_out))
    return PlacedItem(place, item, repaired=repaired, refused=located.refused)


def _placed(
    path: Path, question: SquadQuestion | LeftOut, lang: str, group: str | None = None
) -> ReaderOutput:
    """Makes an item of a question of a file; its place is the question's id."""
    if isinstance(question, LeftOut):
        return question
    return question_item(f"{path.name}:{question.id}", lang, question, group)


def _squad_files(folder: Path) -> list[Path]:
    return list_files(folder, "*v1.1*.json", "SQuAD 1.1")


def _squad_languages(folder: Path, split: str) -> tuple[str, ...]:
    _squad_files(folder)
    return ("en",)


def _read_squad(folder: Path, split: str, lang: str) -> Iterator[ReaderOutput]:
    contexts = _xquad_contexts(folder) if split == "outside-xquad" else frozenset()
    for path in _squad_files(folder):
        for question in read_questions(path):
            if isinstance(question, LeftOut) or question.context not in contexts:
                yield _placed(path, question, lang)


def _xquad_contexts(folder: Path) -> frozenset[str]:
    path = folder.resolve().parent / "xquad" / "xquad.en.json"
    if not path.exists():
        raise CctaError(
            f"expected XQuAD's English paragraphs at {path} to leave them out; put them there or "
            "name squad:FOLDER#all"
        )
    return frozenset(
        question.context for question in read_questions(path) if isinstance(question, SquadQuestion)
    ) - {""}


def _xquad_languages(folder: Path, split: str) -> tuple[str, ...]:
    paths = list_files(folder, "xquad.*.json", "XQuAD")
    codes = (path.name.split(".")[1] for path in paths)
    return tuple(code for code in codes if code in LANGUAGES)


def _read_xquad(folder: Path, split: str, lang: str) -> Iterator[ReaderOutput]:
    path = folder / f"xquad.{lang}.json"
    questions = read_questions(path)
    stored_titles = (
        question.title for question in questions if isinstance(question, SquadQuestion)
    )
    titles = sorted({title for title in stored_titles if title is not None})
    heldout = frozenset(titles[::5])
    for question in questions:
        title = question.title if isinstance(question, SquadQuestion) else None
        if split == "all" or (title in heldout) == (split == "heldout"):
            yield _placed(path, question, lang)


def _mlqa_folder(folder: Path, part: str) -> Path:
    """Returns the folder of a part: the one named, or below it where MLQA's archive has it."""
    for below in (folder / "MLQA_V1" / part, folder / part):
        if below.is_dir():
            return below
    return folder


class MlqaSplit(NamedTuple):
    """The parts of a split's name: `side` ("question", "context" or empty) is in the language
    `lang`.

    `side` is "question", "context" or empty.
    """

    part: str
    side: str
    lang: str


def mlqa_split(split: str) -> MlqaSplit:
    """Splits a split's name: test-question-es -> test, question, es; dev has only a part."""
    part = "test" if split.startswith("test") else "dev"
    side, _, lang = split.removeprefix(part).removeprefix("-").partition("-")
    return MlqaSplit(part, side, lang)


def _mlqa_path(folder: Path, split: str, lang: str) -> Path:
    part, side, other = mlqa_split(split)
    context = other if side == "context" else lang
    question = other if side == "question" else lang
    name = f"{part}-context-{context}-question-{question}.json"
    return _mlqa_folder(folder, part) / name


def _mlqa_languages(folder: Path, split: str) -> tuple[str, ...]:
    part = mlqa_split(split).part
    list_files(_mlqa_folder(folder, part), f"{part}-context-*-question-*.json", "MLQA")
    return tuple(lang for lang in MLQA_LANGUAGES if _mlqa_path(folder, split, lang).exists())


def _read_mlqa(folder: Path, split: str, lang: str) -> Iterator[ReaderOutput]:
    path = _mlqa_path(folder, split, lang)
    english = _mlqa_path(folder, mlqa_split(split).part, "en")
    groups: dict[str, str] = {}
    if english.exists():
        for question in read_questions(english):
            if isinstance(question, SquadQuestion):
                groups[question.id] = question.group
    for question in read_questions(path):
        group = groups.get(question.id) if isinstance(question, SquadQuestion) else None
        yield _placed(path, question, lang, group)


_MIXED = tuple(f"{side}-{lang}" for side in ("question", "context") for lang in MLQA_LANGUAGES)

SOURCES = (
    DataSource(
        name="squad",
        what="questions on paragraphs, English (SQuAD 1.1); XQuAD's paragraphs left out",
        task="qa",
        folder="squad_v1.1_dev",
        licence="CC BY-SA 4.0",
        splits=("outside-xquad", "all"),
        languages=_squad_languages,
        read=_read_squad,
    ),
    DataSource(
        name="xquad",
        what="questions on paragraphs, 12 languages, the same questions in each",
        task="qa",
        folder="xquad",
        licence="CC BY-SA 4.0",
        splits=("all", "train", "heldout"),
        languages=_xquad_languages,
        read=_read_xquad,
    ),
    DataSource(
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
