"""CCTA Explorer's engine: does a model read the same sentence the same way in two languages?

Names are loaded when first used, so that what needs no model starts without torch.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# Threads of OpenMP that wait for each other on busy cores spin: one row took 2,422 ms of processor
# time so, and 67 without. It is read once, when torch is loaded; who sets it is obeyed.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from ccta_core.config import Config, Quadrature
    from ccta_core.corpus.demo import read_demo
    from ccta_core.corpus.spec import read_corpus
    from ccta_core.errors import CctaError
    from ccta_core.models.load import load_model
    from ccta_core.models.model import Model
    from ccta_core.pipeline import attribute, attribute_layers, compare, compare_cached
    from ccta_core.result import PairResult, show
    from ccta_core.study.api import open_study, run_study
    from ccta_core.transport import ems
    from ccta_core.types import Attribution, ParallelExample, Sentence, TransportPlan, Unit

_HOMES = {
    "Config": "config",
    "Quadrature": "config",
    "read_corpus": "corpus.spec",
    "read_demo": "corpus.demo",
    "CctaError": "errors",
    "load_model": "models.load",
    "Model": "models.model",
    "attribute": "pipeline",
    "attribute_layers": "pipeline",
    "compare": "pipeline",
    "compare_cached": "pipeline",
    "PairResult": "result",
    "open_study": "study.api",
    "run_study": "study.api",
    "show": "result",
    "ems": "transport",
    "Attribution": "types",
    "ParallelExample": "types",
    "Sentence": "types",
    "TransportPlan": "types",
    "Unit": "types",
}
__all__ = [
    "Attribution",
    "CctaError",
    "Config",
    "Model",
    "PairResult",
    "ParallelExample",
    "Quadrature",
    "Sentence",
    "TransportPlan",
    "Unit",
    "attribute",
    "attribute_layers",
    "compare",
    "compare_cached",
    "ems",
    "load_model",
    "open_study",
    "read_corpus",
    "read_demo",
    "run_study",
    "show",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
