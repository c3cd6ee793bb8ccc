"""What a reader must know beside the numbers, and what made them."""

import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import version

from ccta_core.attribution.methods import traits
from ccta_core.config import Config
from ccta_core.models.model import Model
from ccta_core.pipeline.sides import Side
from ccta_core.reports.pair.verdict import masses_within
from ccta_core.space.maps import CommonSpace

_MUCH_ON_SPECIALS = 0.3
_NAMES = ("source", "target")


def notices(
    model: Model, sides: Sequence[Side], space: CommonSpace, config: Config
) -> Iterator[str]:
    """Yields what a reader must know beside the numbers, a sentence each."""
    yield from model.notices
    if config.layer > 0:
        yield (
            f"At layer {config.layer} every position has mixed with its neighbours: "
            "it is no longer a word alone."
        )
    if not traits(config.method).completeness:
        yield (
            f"The attribution is {traits(config.method).title}: its scores need not add up to the "
            "model's output, so there is no completeness error."
        )
    if space.notice:
        yield space.notice
    for name, side in zip(_NAMES, sides, strict=True):
        yield from _side_notices(model, name, side)
    explained = [(name, side.attribution) for name, side in zip(_NAMES, sides, strict=True)]
    given = [name for name, a in explained if a.focus and a.focus == a.sentence.focus]
    if len(given) == 1:
        yield (
            f"Only the {given[0]} has a given focus: what is explained of the other side was "
            "found by the model."
        )


def _side_notices(model: Model, name: str, side: Side) -> Iterator[str]:
    yield from _reading_notices(model, name, side)
    attribution = side.attribution
    if not attribution.converged:
        bound = masses_within([attribution.mass_error])
        accuracy = f"its masses are {bound}" if bound else "the error of its masses is not known"
        yield (
            f"The {name} attribution did not converge: {accuracy} after {attribution.evaluations} "
            "evaluations."
        )
    if attribution.special_share > _MUCH_ON_SPECIALS:
        yield f"Special tokens carry {attribution.special_share:.0%} of the {name} attribution."
    if side.uniform:
        yield f"No unit of the {name} has attribution of this kind: its mass is uniform."
    if model.info.task == "nli" and attribution.sentence.text2 is None:
        yield f"The {name} has no hypothesis: this model was trained on pairs of texts."


def _reading_notices(model: Model, name: str, side: Side) -> Iterator[str]:
    """Yields a notice where a text was composed, cut, read in parts, or not predicted."""
    attribution = side.attribution
    if any(window.encoded.composed for window in side.input.output.windows):
        yield (
            f"The {name} text is not in Unicode's composed form (NFC): it was composed before the "
            "model read it, since the model's tokenizer takes one text in two forms for two texts."
        )
    if side.input.question_cut:
        yield (
            f"The {name} question takes more than half of the model's {model.max_tokens} tokens: "
            "it was cut."
        )
    elif attribution.truncated:
        yield f"The {name} text was cut to the model's {model.max_tokens} tokens."
    if attribution.windows > 1:
        yield (
            f"The {name} context was read in {attribution.windows} windows; "
            "the attribution is over the window with the answer."
        )
    if side.input.explained.unpredicted:
        yield (
            f"No word of the {name} is tagged {attribution.target_class}: "
            "the word that is nearest to it is explained."
        )


def provenance(model: Model, config: Config) -> dict[str, str | float | int]:
    """Returns method, settings and versions."""
    return {
        "method": traits(config.method).title,
        "baseline": config.baseline,
        "objective": config.objective,
        "mass": config.mass,
        "quadrature": config.quadrature.rule,
        "tolerance": config.quadrature.tolerance,
        "precision": config.precision,
        "unrelated": config.unrelated,
        "device": model.device.type,
        "config": config.fingerprint,
        "ccta": version("ccta-explorer"),
        "torch": version("torch"),
        "transformers": version("transformers"),
        "pot": version("pot"),
        "python": platform.python_version(),
    }
