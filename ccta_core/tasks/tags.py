"""Named entities: F is the sum of the chosen tag's logits over the chosen words' first pieces."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ccta_core.errors import CctaError
from ccta_core.models.heads import Target
from ccta_core.models.model import Model
from ccta_core.models.windows import Window, single_window
from ccta_core.tasks.protocol import ANY, Explained, ModelOutput
from ccta_core.types import Sentence, Span, Unit

OUTSIDE = "O"


@dataclass(frozen=True, slots=True)
class Word:
    """A unit, the token its tag is read from, and the tag (a column) that scores best there."""

    unit: Unit
    token: int
    tag: int
    probability: float


@dataclass(frozen=True, slots=True)
class Entity:
    """Consecutive words of one type; `probability` is the product of their tags' probabilities."""

    type: str
    words: tuple[Word, ...]
    probability: float


class Tags:
    """Token classification over the words of one text."""

    def check(self, model: Model, sentence: Sentence, asked: str) -> None:
        """Raises CctaError on a second text and on a type or tag the model does not have."""
        if sentence.text2 is not None:
            raise CctaError(
                f"{model.id} tags the words of one text; the {sentence.lang} sentence has two: "
                "leave the second out, or put both into one text"
            )
        if asked not in ANY:
            _named(model, asked)

    def windows(self, model: Model, sentence: Sentence) -> tuple[Window, ...]:
        """The whole text, cut where it is too long."""
        return (single_window(model, sentence),)

    def label(self, model: Model, output: ModelOutput, asked: str) -> str:
        """The type or tag asked for, or the type of the words in focus or of the surest entity.

        Where nothing is tagged, it is the type with the highest logit.
        """
        if asked not in ANY:
            return _named(model, asked)
        words = words_of(output)
        chosen = _in_focus(output, words) or words
        found = entities(chosen, model.labels)
        if found:
            return max(found, key=lambda entity: entity.probability).type
        columns = [at for at, label in enumerate(model.labels) if entity_type(label) is not None]
        best = _best(output.logits[0], chosen, columns)
        return entity_type(model.labels[best[1]]) or OUTSIDE

    def explain(self, model: Model, output: ModelOutput, label: str) -> Explained:
        """The label's logits at the words in focus, else at every word tagged so.

        Where no word is, it is the one word where the label's logit is highest. At each word a
        type stands for the one of its tags (B-, I-) that scores best there.
        """
        words, logits = words_of(output), output.logits[0]
        columns = _columns(model.labels, label)
        chosen = _in_focus(output, words) or [word for word in words if word.tag in columns]
        unpredicted = not chosen
        if unpredicted:
            token, _ = _best(logits, words, columns)
            chosen = [word for word in words if word.token == token]
        places = [_best(logits, [word], columns) for word in chosen]
        return Explained(
            label=label,
            target=Target(tuple(places)),
            prediction=_prediction(output.sentence, words, model.labels),
            focus=output.sentence.focus or tuple((w.unit.start, w.unit.end) for w in chosen),
            unpredicted=unpredicted,
        )


def words_of(output: ModelOutput) -> list[Word]:
    """The words of the text with their tags, each read from the word's first piece.

    Opening punctuation that hangs on a word ("(Paris") is not its first piece.
    """
    window, shares = output.windows[0], output.logits[0].double().softmax(-1)
    text = output.sentence.segments[-1]
    found = window.encoded.maps[-1]
    words = []
    for unit, members in zip(found.units, found.members, strict=True):
        token = _first_piece(window, members, text)
        tag = int(shares[token].argmax())
        words.append(Word(unit, token, tag, float(shares[token, tag])))
    return words


def entities(words: Sequence[Word], labels: Sequence[str]) -> list[Entity]:
    """Runs of words of one type, in order; a B- (or S-, U-) tag begins another one.

    As seqeval's default, an I- tag without a B- before it begins an entity too.
    """
    found: list[Entity] = []
    open_type: str | None = None
    for word in words:
        kind = entity_type(labels[word.tag])
        if kind is not None and kind == open_type and not _begins(labels[word.tag]):
            last = found[-1]
            found[-1] = Entity(kind, (*last.words, word), last.probability * word.probability)
        elif kind is not None:
            found.append(Entity(kind, (word,), word.probability))
        open_type = kind
    return found


def entity_type(tag: str) -> str | None:
    """LOC of B-LOC; the tag itself where it has no prefix; None for O."""
    if tag.upper() == OUTSIDE:
        return None
    prefix, mark, rest = tag.partition("-")
    return rest if mark and rest and prefix.upper() in tuple("BIESLU") else tag


def _begins(tag: str) -> bool:
    return tag[:2].upper() in ("B-", "S-", "U-")


def _first_piece(window: Window, members: Sequence[int], text: str) -> int:
    visible = [(token, span) for token in members if (span := window.spans[token]) is not None]
    for token, (start, end) in visible:
        if any(character.isalnum() for character in text[start:end]):
            return token
    return visible[0][0] if visible else members[0]


def _in_focus(output: ModelOutput, words: Sequence[Word]) -> list[Word]:
    """The words that share a character with the focus; none where there is no focus.

    Raises CctaError where a focus has no word, since the text was cut before it.
    """
    focus = output.sentence.focus
    chosen = [
        word
        for word in words
        if any(word.unit.start < end and start < word.unit.end for start, end in focus)
    ]
    if focus and not chosen:
        places = ", ".join(f"{start}:{end}" for start, end in focus)
        raise CctaError(
            f"no word that the model reads is at {places} of the {output.sentence.lang} text; "
            "choose other words, or give a shorter text"
        )
    return chosen


def _columns(labels: Sequence[str], label: str) -> list[int]:
    """The tags a label stands for: itself, or every tag of the type."""
    if label in labels:
        return [labels.index(label)]
    return [at for at, tag in enumerate(labels) if entity_type(tag) == label]


def _named(model: Model, asked: str) -> str:
    """A tag or an entity type, as the model writes it.

    Raises CctaError, listing them, where it is neither.
    """
    types = sorted({kind for tag in model.labels if (kind := entity_type(tag)) is not None})
    for known in (*model.labels, *types):
        if known.casefold() == asked.casefold():
            return known
    raise CctaError(
        f"unknown entity type or tag {asked!r}; {model.id} knows: {', '.join(types)} "
        f"and the tags {', '.join(model.labels)}"
    )


def _best(logits: torch.Tensor, words: Sequence[Word], columns: Sequence[int]) -> tuple[int, int]:
    """(token, column) of the highest logit among the columns at the words."""
    places = [(word.token, column) for word in words for column in columns]
    return max(places, key=lambda place: float(logits[place]))


def _prediction(
    sentence: Sentence, words: Sequence[Word], labels: Sequence[str]
) -> dict[str, float]:
    """Entities as "words: TYPE" -> probability, the surest first; O -> its mean without any."""
    found = entities(words, labels)
    if not found:
        return {OUTSIDE: sum(word.probability for word in words) / len(words)}
    prediction: dict[str, float] = {}
    for entity in sorted(found, key=lambda entity: -entity.probability):
        span = entity.words[0].unit.start, entity.words[-1].unit.end
        prediction.setdefault(f"{_bare(sentence.text, span)}: {entity.type}", entity.probability)
    return prediction


def _bare(text: str, span: Span) -> str:
    """The text of a span without the punctuation around it."""
    start, end = span
    while end - start > 1 and unicodedata.category(text[start])[0] == "P":
        start += 1
    while end - start > 1 and unicodedata.category(text[end - 1])[0] == "P":
        end -= 1
    return text[start:end]
