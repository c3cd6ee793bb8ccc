"""Defines one frozen value for each stage: sentences, units, attributions, plans; NumPy only."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Literal

import numpy as np
import regex

from ccta_core.errors import CctaError
from ccta_core.languages import language

MAX_CHARACTERS = 200_000
"""A text longer than this is refused: far more than any encoder reads."""
NO_LABEL = "no label"
"""What a head of labels predicts where none of them holds."""
Span = tuple[int, int]
"""Characters of a text, from `start` up to and without `end`."""
ALPHA = 0.05
"""The level at which EMS is told from shuffled masses."""
Untestable = Literal["no shuffles", "one unit a segment", "equal masses"]
"""Why no permutation of the masses could say anything."""
Outcome = Literal["shown", "not shown", "undecided", "too few arrangements", "untestable"]
"""What a permutation test says: "too few arrangements" where no EMS could have reached ALPHA,
"undecided" where the draws leave open on which side of ALPHA p lies."""
_IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}")
_SHOWN = regex.compile(r"[^\s\p{Default_Ignorable_Code_Point}]")


def is_blank(text: str) -> bool:
    """Returns whether nothing of the text is shown: white space and default-ignorable characters
    alone.

    Default-ignorable is Unicode's property of what has no shape of its own: zero-width spaces and
    joiners, direction marks, the byte order mark, variation selectors, soft hyphens, Hangul
    fillers, tags.
    """
    return not text.strip() or (not text.isascii() and _SHOWN.search(text) is None)


def has_ignorable(text: str) -> bool:
    """Returns whether a text holds a default-ignorable character (most hold none)."""
    return not text.isascii() and _IGNORABLE.search(text) is not None


@dataclass(frozen=True, slots=True)
class Sentence:
    """What the model reads in one language: a text, and for sentence-pair tasks a second one.

    A question and its context are `text` and `text2`. `focus` says what to look at, as character
    spans of the last segment: the answer in the context, or the words whose tags are explained.
    Raises CctaError on an unknown language, a text that is empty or shows nothing (`is_blank`), a
    control character or a lone surrogate, and on a span that is empty, outside the text or cuts a
    character.
    """

    text: str
    lang: str
    text2: str | None = None
    focus: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        name = language(self.lang).name
        for which, text in (("text", self.text), ("second text", self.text2)):
            if text is not None:
                _check_text(text, f"the {name} sentence's {which}")
        if self.focus:
            object.__setattr__(self, "focus", _checked_focus(self.focus, self.segments[-1]))

    @property
    def segments(self) -> tuple[str, ...]:
        """The texts in order: premise and hypothesis, or one text."""
        return (self.text,) if self.text2 is None else (self.text, self.text2)

    @property
    def identity(self) -> list[object]:
        """What tells it from others in a cache key: without focus, the language and the texts.

        Texts that are not in NFC or hold default-ignorable characters are marked: what was stored
        of them before they were composed, and had units of what is not shown, is not found again.
        """
        spans = [list(span) for span in self.focus]
        anew = any(
            not unicodedata.is_normalized("NFC", text) or has_ignorable(text)
            for text in self.segments
        )
        return [
            self.lang,
            *self.segments,
            *([spans] if spans else []),
            *(["composed, units of what is shown"] if anew else []),
        ]


def in_order(source: Sentence, target: Sentence) -> tuple[Sentence, Sentence]:
    """Returns the two sentences in an order that does not depend on which of them is called source.

    English first, then by language code, text and focus; only equal sentences have equal places.
    """
    first, second = sorted(
        (source, target), key=lambda side: (side.lang != "en", side.lang, side.segments, side.focus)
    )
    return first, second


def _check_text(text: str, name: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise CctaError(f"{name} has {len(text)} characters, at most {MAX_CHARACTERS} are read")
    for place, character in enumerate(text):
        kind = unicodedata.category(character)
        if kind == "Cs" or (kind == "Cc" and character not in "\t\n\r"):
            what = "a lone surrogate" if kind == "Cs" else "the control character"
            raise CctaError(
                f"{name} has {what} U+{ord(character):04X} at position {place + 1}; "
                "remove it and try again"
            )
    hidden = text.split()
    if hidden and is_blank(text):
        raise CctaError(
            f"{name} is empty but for invisible characters (U+{ord(hidden[0][0]):04X}); expected "
            "at least one word"
        )
    if not any(unicodedata.category(character)[0] not in "ZC" for character in text):
        raise CctaError(f"{name} is empty; expected at least one word")


def _checked_focus(focus: tuple[Span, ...], text: str) -> tuple[Span, ...]:
    """Returns the spans in order, each once; a person's "character" is a grapheme (UAX #29)."""
    spans = sorted({(int(start), int(end)) for start, end in focus})
    for start, end in spans:
        if not 0 <= start < end <= len(text):
            raise CctaError(
                f"focus {start}:{end} is outside the text; expected START:END with "
                f"0 <= START < END <= {len(text)}"
            )
        if is_blank(text[start:end]):
            raise CctaError(
                f"focus {start}:{end} holds only spaces or invisible characters; expected at least "
                "one word"
            )
    ends = [0, *(grapheme.end() for grapheme in regex.finditer(r"\X", text))]
    for start, end in spans:
        whole = (
            max(edge for edge in ends if edge <= start),
            min(edge for edge in ends if edge >= end),
        )
        if whole != (start, end):
            raise CctaError(
                f"focus {start}:{end} cuts a character in two; expected {whole[0]}:{whole[1]}"
            )
    return tuple(spans)


@dataclass(frozen=True, slots=True)
class ParallelExample:
    """One item of a task in several languages, with one gold label.

    Items of one `group` share a premise or a paragraph: they are not independent.
    """

    id: str
    group: str
    label: str | None
    sentences: Mapping[str, Sentence]

    def __post_init__(self) -> None:
        for lang, sentence in self.sentences.items():
            if sentence.lang != lang:
                raise CctaError(f"item {self.id}: a {sentence.lang} sentence stands under {lang!r}")
        object.__setattr__(self, "sentences", MappingProxyType(dict(self.sentences)))


@dataclass(frozen=True, slots=True)
class Unit:
    """What a person reads as one token; `start` and `end` are offsets into its segment's text."""

    text: str
    start: int
    end: int
    segment: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """How much each token of one sentence moved the model's output (docs/method.md, 2).

    `subword_scores` (tokens) and `scores` (units) are signed, in units of the output F; `norms`
    (units) is the L2 norm of each unit's summed product vector, or None when it was not asked for.
    `prediction` has a label's, an answer's or an entity's probability. `outputs` says of a head
    over whole texts whether its columns are `classes` (one of them holds: the probabilities sum to
    1), `labels` (each holds or not, with a probability of its own) or `scores` (numbers without a
    probability, in `head_scores`; `prediction` is empty). `focus` are the spans of the sentence's
    last segment that are explained: the answer, or the words whose tags are; `windows` is how many
    overlapping parts the context was read in (units cover the part with the answer). `mass_error`
    bounds the L1 error of the unit masses in nine results of ten (None where a method has no such
    estimate, and of results older than it); `converged` says that it is within the tolerance.
    """

    sentence: Sentence
    units: tuple[Unit, ...]
    scores: np.ndarray
    subwords: tuple[str, ...]
    subword_scores: np.ndarray
    special_share: float
    target_class: str
    prediction: Mapping[str, float]
    f_input: float
    f_baseline: float | None
    completeness_error: float | None
    mass_error: float | None
    converged: bool
    evaluations: int
    truncated: bool = False
    norms: np.ndarray | None = None
    focus: tuple[Span, ...] = ()
    windows: int = 1
    outputs: str = "classes"
    head_scores: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.scores.shape != (len(self.units),):
            raise AssertionError("one score a unit")
        if self.subword_scores.shape != (len(self.subwords),):
            raise AssertionError("one score a subword")
        if not np.isfinite(self.subword_scores).all():
            raise CctaError(
                "the model returned numbers that are not finite; check its weights or use fp32"
            )

    @property
    def lang(self) -> str:
        """The sentence's language."""
        return self.sentence.lang

    @property
    def predicted_labels(self) -> tuple[str, ...]:
        """What holds by the model: the likeliest class, answer or entity.

        Of labels that hold or not, those with a probability of 0.5 or more; of scores nothing.
        """
        if self.outputs == "labels":
            return tuple(label for label, share in self.prediction.items() if share >= 0.5)
        if not self.prediction:
            return ()
        return (max(self.prediction, key=lambda label: self.prediction[label]),)

    @property
    def predicted(self) -> str | None:
        """`predicted_labels` as a person reads them; None where the head gives scores."""
        if self.outputs == "labels":
            return " + ".join(self.predicted_labels) or NO_LABEL
        return next(iter(self.predicted_labels), None)

    @property
    def confidence(self) -> float | None:
        """The probability of what is predicted; None where the head gives none.

        Of labels that hold or not, that of all of them being as predicted, taken as independent.
        """
        if self.outputs == "labels":
            shares = self.prediction.values()
            return float(np.prod([max(share, 1 - share) for share in shares]))
        return max(self.prediction.values(), default=None)


@dataclass(frozen=True, slots=True, eq=False)
class TransportPlan:
    """An optimal plan between two mass distributions and its value.

    Shape: `matrix` is (source units, target units), non-negative, its sums the two masses.
    `ems` is in [-1, 1]; `marginal_error` is the largest deviation of a sum from its mass.
    """

    matrix: np.ndarray
    ems: float
    marginal_error: float


@dataclass(frozen=True, slots=True)
class Controls:
    """What stands beside every EMS (docs/method.md, 4); None where it can't be computed."""

    ems_uniform: float | None = None
    ems_length: float | None = None
    ems_shuffled: float | None = None
    shuffled_sd: float | None = None
    p_value: float | None = None
    ems_unrelated: float | None = None
    gain: float | None = None
    gain_unrelated: float | None = None
    z: float | None = None
    calibrated: float | None = None
    link_spearman: float | None = None
    sign_agreement: float | None = None
    cross_segment_mass: float | None = None

    def as_dict(self) -> dict[str, float | None]:
        """Maps each name to its value, in the order of the definition."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """EMS against the same masses permuted within their segments (docs/method.md, 4).

    `drawn` arrangements of the masses were measured; where `exact` is true these are all there are.
    `p_value` is the share of them that reach EMS, of drawn ones (1 + #) / (drawn + 1), and then
    `p_error` is its Monte-Carlo standard error. `least_p` is the smallest p that any EMS could have
    among all arrangements; None where they are too many to enumerate. `decided` is false where the
    draws leave open on which side of ALPHA p lies. `untestable` says why there is no p.
    """

    drawn: int = 0
    exact: bool = False
    p_value: float | None = None
    p_error: float | None = None
    least_p: float | None = None
    decided: bool = True
    untestable: Untestable | None = None

    @property
    def outcome(self) -> Outcome:
        """What it says at the level ALPHA."""
        if self.p_value is None:
            return "untestable"
        if self.least_p is not None and self.least_p > ALPHA:
            return "too few arrangements"
        if not self.decided:
            return "undecided"
        return "shown" if self.p_value <= ALPHA else "not shown"
