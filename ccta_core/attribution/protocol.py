"""What every attribution method is given and what it returns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from ccta_core.config import Config
from ccta_core.models.heads import Target
from ccta_core.models.model import Encoded, Model

Stop = Callable[[], bool]
"""Asked between batches whether nobody waits for the result any more."""


def never() -> bool:
    """Returns the stop of a computation that runs to its end."""
    return False


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """What a path starts from: its activations by layer, and the logits it gives.

    Shape: `states[layer]` (tokens, width); `logits` (positions, columns), None of the zero vector,
    which is no input.
    """

    states: Mapping[int, torch.Tensor]
    logits: torch.Tensor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """One sentence, its activations at the attributed layer and the logits to explain.

    Shape: `states` (tokens, width), `hidden_states[layer]` of the unchanged input; `logits`
    (positions, columns) of the unchanged input, and its baseline, where they are known already.
    """

    encoded: Encoded
    states: torch.Tensor
    target: Target
    baseline: Baseline | None = None
    logits: torch.Tensor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """One attribution with its diagnostics; None where a method has no such thing.

    Shape: `scores` (tokens,), signed unless the method has no sign; `vectors` (tokens, width), only
    where norms were asked for and the method has them. `mass_error` bounds the L1 error of the unit
    masses |a| / sum |a| in nine results of ten.
    """

    scores: np.ndarray
    f_input: float
    f_baseline: float | None = None
    completeness_error: float | None = None
    mass_error: float | None = None
    converged: bool = True
    evaluations: int = 1
    vectors: np.ndarray | None = None
    precision: str = "fp32"


class Method(Protocol):
    """An attribution method: requests in, scores out, in order.

    Raises StoppedError within one batch of `stop` turning true.
    """

    def __call__(
        self, model: Model, requests: Sequence[Request], config: Config, stop: Stop
    ) -> list[Scores]:
        """The scores of every request."""
        ...
