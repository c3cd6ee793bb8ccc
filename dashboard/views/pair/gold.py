"""What is known to be right of an item, and whether the model's two readings are."""

from collections.abc import Sequence
from dataclasses import dataclass

from ccta_core.corpus.demo import demo_entities
from ccta_core.reports.pair.marks import tags_of
from ccta_core.reports.pair.verdict import both_sides
from ccta_core.result import PairResult
from ccta_core.text import count
from ccta_core.types import Attribution, ParallelExample, Sentence

Entity = tuple[int, int, str]
NO_NAME = "none"


@dataclass(frozen=True, slots=True)
class Judged:
    """One side against the gold: `text` says it in words, `tags` marks wrong names a unit."""

    right: bool
    text: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gold:
    """An item's gold label, or its names in both languages (None: not known)."""

    label: str | None = None
    names: tuple[tuple[Entity, ...], ...] | None = None


def gold_of(example: ParallelExample, src: str, tgt: str) -> Gold:
    """The gold of an item; a demo sentence's names are found by its id and its text."""
    if example.label is not None:
        return Gold(label=example.label)
    sides = [example.sentences[lang] for lang in (src, tgt)]
    if any(side.text2 is not None for side in sides):
        return Gold()
    found = demo_entities()
    names = [found.get(side.lang, {}).get(example.id) for side in sides]
    known = [one for one in names if one is not None]
    return Gold(names=tuple(known)) if len(known) == 2 else Gold()


def judged(result: PairResult, gold: Gold) -> tuple[Judged, Judged] | None:
    """Both sides against the gold; None where nothing is known to be right."""
    sides = (result.source, result.target)
    if result.task == "qa":
        if not all(side.sentence.focus for side in sides):
            return None
        return _answer(sides[0]), _answer(sides[1])
    if result.task == "ner":
        if gold.names is None:
            return None
        return _names(sides[0], gold.names[0]), _names(sides[1], gold.names[1])
    if gold.label is None or sides[0].outputs == "scores":
        return None
    return _label(sides[0], gold.label), _label(sides[1], gold.label)


def sentence(found: tuple[Judged, Judged], names: tuple[str, str], gold: Gold) -> str:
    """Both judgements in words, with the gold label where both sides share it."""
    one, other = found
    head = f"Gold label: {gold.label}. " if gold.label is not None else ""
    both = both_sides(*names)
    if one.right and other.right:
        return f"{head}The model is right in {both}."
    if one.right != other.right:
        right, wrong = names if one.right else names[::-1]
        return f"{head}The model is right in {right} and wrong in {wrong}."
    return f"{head}The model is wrong in {both}."


def _label(side: Attribution, gold: str) -> Judged:
    right = side.predicted_labels == (gold,)
    return Judged(right, "right" if right else f"wrong, gold: {gold}")


def _answer(side: Attribution) -> Judged:
    """By SQuAD's rules: case, articles and punctuation do not count."""
    from ccta_core.evaluation.answers import answer_scores

    gold = answer(side.sentence)
    overlap, exact = answer_scores(side.predicted or "", [gold], side.lang)
    if exact:
        return Judged(True, "right")
    partly = f"partly right (F1 {overlap:.2f})" if overlap > 0 else "wrong"
    return Judged(False, f"{partly}, gold: {gold}")


def answer(sentence: Sentence) -> str:
    """The gold answer: what is in focus of the last segment."""
    start, end = sentence.focus[0]
    return sentence.segments[-1][start:end]


def _names(side: Attribution, gold: Sequence[Entity]) -> Judged:
    wanted = [_gold_tag(side, at, gold) for at in range(len(side.units))]
    said = tags_of(
        {
            "units": [
                {"start": one.start, "end": one.end, "segment": one.segment} for one in side.units
            ],
            "prediction": side.prediction,
            "text": side.sentence.text,
        }
    )
    tags = tuple(_tag(one, other) for one, other in zip(said, wanted, strict=True))
    wrong = sum(one != other for one, other in zip(said, wanted, strict=True))
    if not wrong:
        return Judged(True, "every name right", tags)
    return Judged(False, f"{count(wrong, 'word')} tagged wrong", tags)


def _gold_tag(side: Attribution, at: int, gold: Sequence[Entity]) -> str:
    unit = side.units[at]
    kinds = [kind for start, end, kind in gold if unit.start < end and start < unit.end]
    return kinds[0] if kinds else ""


def _tag(said: str, gold: str) -> str:
    """What stands under a word: the tag, and the gold where that is another."""
    return said if said == gold else f"{said or NO_NAME} (gold: {gold or NO_NAME})"
