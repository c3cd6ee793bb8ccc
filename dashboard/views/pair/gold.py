"""An item's gold, and whether the model's predictions on both sides agree with it."""

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
class Judgement:
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
    entities = demo_entities()
    names = [entities.get(side.lang, {}).get(example.id) for side in sides]
    tagged = [entry for entry in names if entry is not None]
    return Gold(names=tuple(tagged)) if len(tagged) == 2 else Gold()


def judge(result: PairResult, gold: Gold) -> tuple[Judgement, Judgement] | None:
    """Both sides against the gold; None where nothing is known to be right."""
    sides = (result.source, result.target)
    if result.task == "qa":
        if not all(side.sentence.focus for side in sides):
            return None
        return _judge_answer(sides[0]), _judge_answer(sides[1])
    if result.task == "ner":
        if gold.names is None:
            return None
        return _judge_names(sides[0], gold.names[0]), _judge_names(sides[1], gold.names[1])
    if gold.label is None or sides[0].outputs == "scores":
        return None
    return _judge_label(sides[0], gold.label), _judge_label(sides[1], gold.label)


def judgement_sentence(
    judgements: tuple[Judgement, Judgement], names: tuple[str, str], gold: Gold
) -> str:
    """Both judgements in words, with the gold label where both sides share it."""
    source, target = judgements
    head = f"Gold label: {gold.label}. " if gold.label is not None else ""
    both = both_sides(*names)
    if source.right and target.right:
        return f"{head}The model is right in {both}."
    if source.right != target.right:
        right, wrong = names if source.right else names[::-1]
        return f"{head}The model is right in {right} and wrong in {wrong}."
    return f"{head}The model is wrong in {both}."


def _judge_label(side: Attribution, gold: str) -> Judgement:
    right = side.predicted_labels == (gold,)
    return Judgement(right, "right" if right else f"wrong, gold: {gold}")


def _judge_answer(side: Attribution) -> Judgement:
    """By SQuAD's rules: case, articles and punctuation do not count."""
    from ccta_core.evaluation.answers import answer_scores

    gold = answer(side.sentence)
    overlap, exact = answer_scores(side.predicted or "", [gold], side.lang)
    if exact:
        return Judgement(True, "right")
    partly = f"partly right (F1 {overlap:.2f})" if overlap > 0 else "wrong"
    return Judgement(False, f"{partly}, gold: {gold}")


def answer(sentence: Sentence) -> str:
    """The gold answer: what is in focus of the last segment."""
    start, end = sentence.focus[0]
    return sentence.segments[-1][start:end]


def _judge_names(side: Attribution, gold: Sequence[Entity]) -> Judgement:
    wanted = [_gold_tag(side, index, gold) for index in range(len(side.units))]
    predicted = tags_of(
        {
            "units": [
                {"start": unit.start, "end": unit.end, "segment": unit.segment}
                for unit in side.units
            ],
            "prediction": side.prediction,
            "text": side.sentence.text,
        }
    )
    tags = tuple(_tag(tag, gold_tag) for tag, gold_tag in zip(predicted, wanted, strict=True))
    wrong = sum(tag != gold_tag for tag, gold_tag in zip(predicted, wanted, strict=True))
    if not wrong:
        return Judgement(True, "every name right", tags)
    return Judgement(False, f"{count(wrong, 'word')} tagged wrong", tags)


def _gold_tag(side: Attribution, index: int, gold: Sequence[Entity]) -> str:
    unit = side.units[index]
    kinds = [kind for start, end, kind in gold if unit.start < end and start < unit.end]
    return kinds[0] if kinds else ""


def _tag(predicted: str, gold: str) -> str:
    """What stands under a word: the tag, and the gold where that is another."""
    return predicted if predicted == gold else f"{predicted or NO_NAME} (gold: {gold or NO_NAME})"
