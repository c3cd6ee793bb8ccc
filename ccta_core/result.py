"""The result of one comparison: two attributions, the plan between them, EMS and its controls."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from ccta_core.errors import CctaError
from ccta_core.reports.notebook import pages_in_frames, words_in_colour
from ccta_core.reports.pair.page import pair_page
from ccta_core.reports.pair.verdict import Claim, Evidence, claim, pair_verdict
from ccta_core.types import (
    Attribution,
    Controls,
    PermutationTest,
    Sentence,
    Span,
    TransportPlan,
    Unit,
    in_order,
)


@dataclass(frozen=True, slots=True, eq=False)
class PairResult:
    """How one model reads one item in two languages (the JSON of `ccta pair`).

    Shape: `source_mass` (source units,), `target_mass` (target units,), each summing to 1;
    `similarity` (source units, target units), cosines. `n_shuffles` is what was asked for,
    `permutation` what was drawn and found. `chance_level` is what the verdict holds EMS against:
    the mean EMS of the first side, in the order of `in_order`, against unrelated sentences in the
    other's language; None where there are none.
    """

    model: str
    revision: str
    task: str
    target_class: str
    layer: int
    align_layer: int
    space: str
    seed: int
    n_shuffles: int
    source: Attribution
    target: Attribution
    source_mass: np.ndarray
    target_mass: np.ndarray
    plan: TransportPlan
    similarity: np.ndarray
    controls: Controls
    permutation: PermutationTest
    chance_level: float | None = None
    notices: tuple[str, ...] = ()
    provenance: Mapping[str, Any] | None = None

    @property
    def ems(self) -> float:
        """Earth Mover's Similarity, in [-1, 1]."""
        return self.plan.ems

    @property
    def claim(self) -> Claim:
        """What may be said of the pair; the same whichever side is called source."""
        return claim(self._evidence)

    @property
    def verdict(self) -> str:
        """What EMS and its controls say together, in one sentence; likewise."""
        return pair_verdict(self._evidence)

    @property
    def _evidence(self) -> Evidence:
        first, second = in_order(self.source.sentence, self.target.sentence)
        langs = (first.lang, second.lang)
        return Evidence(self.ems, self.controls, self.permutation, self.chance_level, langs)

    def payload(self) -> dict[str, Any]:
        """Returns plain numbers and strings, as `--json` prints them."""
        return {
            "model": self.model,
            "revision": self.revision,
            "task": self.task,
            "target_class": self.target_class,
            "layer": self.layer,
            "align_layer": self.align_layer,
            "space": self.space,
            "seed": self.seed,
            "n_shuffles": self.n_shuffles,
            "source": _side(self.source, self.source_mass),
            "target": _side(self.target, self.target_mass),
            "plan": self.plan.matrix.tolist(),
            "similarity": self.similarity.tolist(),
            "ems": self.ems,
            "controls": self.controls.as_dict(),
            "permutation": asdict(self.permutation),
            "chance_level": self.chance_level,
            "verdict": self.verdict,
            "notices": list(self.notices),
            "provenance": {"marginal_error": self.plan.marginal_error, **(self.provenance or {})},
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """Returns the payload as JSON (never NaN)."""
        return json.dumps(self.payload(), ensure_ascii=False, allow_nan=False, indent=indent)

    def to_html(self) -> str:
        """Returns one self-contained page that needs no network."""
        return pair_page(self.payload())

    def _repr_html_(self) -> str:
        """Returns what a notebook shows where a cell ends with the result: its page, in a frame."""
        return show(self)._repr_html_()

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> "PairResult":
        """Returns the result a payload was made from.

        Raises KeyError, TypeError or ValueError where it is not a whole payload.
        """
        facts = dict(payload["provenance"])
        controls = Controls(**payload["controls"])
        source, source_mass = _read_side(payload["source"])
        target, target_mass = _read_side(payload["target"])
        plan = TransportPlan(
            np.array(payload["plan"]), float(payload["ems"]), float(facts.pop("marginal_error"))
        )
        return cls(
            **{name: payload[name] for name in _PLAIN},
            source=source,
            target=target,
            source_mass=source_mass,
            target_mass=target_mass,
            plan=plan,
            similarity=np.array(payload["similarity"]),
            controls=controls,
            permutation=_read_test(payload, controls),
            chance_level=payload.get("chance_level", controls.ems_unrelated),
            notices=tuple(payload["notices"]),
            provenance=facts,
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """Results side by side, for the last line of a notebook's cell."""

    results: tuple["PairResult | Attribution", ...]

    def _repr_html_(self) -> str:
        pairs = [result for result in self.results if isinstance(result, PairResult)]
        alone = [result for result in self.results if isinstance(result, Attribution)]
        words = max((len(s.units) for r in pairs for s in (r.source, r.target)), default=0)
        framed = pages_in_frames([pair.to_html() for pair in pairs], words) if pairs else ""
        return framed + "".join(map(words_in_colour, alone))


def show(*results: "PairResult | Attribution") -> Shown:
    """Shows results of `compare` side by side as their interactive pictures, and attributions as
    coloured words, in a notebook (Jupyter, VS Code, Colab): the last line of a cell.

    Raises CctaError where there is nothing to show, or something that is neither.
    """
    for result in results:
        if not isinstance(result, PairResult | Attribution):
            raise CctaError(
                f"show takes results of compare and attribute; found {type(result).__name__}"
            )
    if not results:
        raise CctaError("show takes one result or more; found none")
    return Shown(results)


_PLAIN = (
    "model",
    "revision",
    "task",
    "target_class",
    "layer",
    "align_layer",
    "space",
    "seed",
    "n_shuffles",
)
_NUMBERS = (
    "special_share",
    "target_class",
    "f_input",
    "f_baseline",
    "completeness_error",
    "converged",
    "evaluations",
    "truncated",
)
_YOUNGER = {"windows": 1, "outputs": "classes", "mass_error": None}
"""Facts that results stored before them lack, with what holds for those."""


def _side(side: Attribution, mass: np.ndarray) -> dict[str, Any]:
    return {
        "lang": side.lang,
        "text": side.sentence.text,
        "text2": side.sentence.text2,
        "units": [
            {"text": unit.text, "start": unit.start, "end": unit.end, "segment": unit.segment}
            for unit in side.units
        ],
        "subwords": list(side.subwords),
        "attribution": side.scores.tolist(),
        "subword_attribution": side.subword_scores.tolist(),
        "mass": mass.tolist(),
        "prediction": dict(side.prediction),
        "head_scores": dict(side.head_scores),
        "focus": [list(span) for span in side.focus],
        "given_focus": [list(span) for span in side.sentence.focus],
        **{name: getattr(side, name) for name in (*_NUMBERS, *_YOUNGER)},
    }


class _StoredSide(NamedTuple):
    """A side as it was stored. Shape: `mass` (units,)."""

    attribution: Attribution
    mass: np.ndarray


def _read_side(side: Mapping[str, Any]) -> _StoredSide:
    attribution = Attribution(
        sentence=Sentence(side["text"], side["lang"], side["text2"], _spans(side, "given_focus")),
        units=tuple(Unit(**unit) for unit in side["units"]),
        scores=np.array(side["attribution"]),
        subwords=tuple(side["subwords"]),
        subword_scores=np.array(side["subword_attribution"]),
        prediction=dict(side["prediction"]),
        head_scores=dict(side.get("head_scores", {})),
        focus=_spans(side, "focus"),
        **{name: side[name] for name in _NUMBERS},
        **{name: side.get(name, before) for name, before in _YOUNGER.items()},
    )
    return _StoredSide(attribution, np.array(side["mass"]))


def _read_test(payload: Mapping[str, Any], controls: Controls) -> PermutationTest:
    """Returns the test as it was kept; of a payload older than it, p over the shuffles asked
    for.
    """
    if "permutation" in payload:
        return PermutationTest(**payload["permutation"])
    return PermutationTest(drawn=payload["n_shuffles"], p_value=controls.p_value)


def _spans(side: Mapping[str, Any], name: str) -> tuple[Span, ...]:
    return tuple((int(start), int(end)) for start, end in side.get(name, ()))
