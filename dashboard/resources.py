"""What a process keeps: the models, the engine and the demo's items. The only place that caches."""

import threading
from typing import Any

import streamlit as st

from ccta_core.corpus.demo import DEMO_PARTS, read_demo
from ccta_core.models.catalog import ModelInfo, catalog
from ccta_core.result import PairResult
from ccta_core.store.pairs import find_pair
from ccta_core.types import ParallelExample
from dashboard.choice import Offer, Request
from dashboard.engine import Engine, Stop

_MODELS_HELD = 2
_WARM_AFTER = 1.5
"""Seconds after a page was shown: the first paint has the processor to itself."""


def offer() -> Offer:
    """The models that have a task head, and the items of the demo."""
    models = {name: info for name, info in catalog().items() if info.labels}
    parts = {task: _items(part) for task, part in DEMO_PARTS.items()}
    items = {name: item for part in parts.values() for name, item in part.items()}
    return Offer(models, items, {task: tuple(part) for task, part in parts.items()})


def stored(request: Request) -> PairResult | None:
    """A result that was computed before; needs no model."""
    return find_pair(request.model, request.source, request.target, request.config)


@st.cache_resource(show_spinner=False)
def warm(_info: ModelInfo) -> None:
    """Has the engine load a model soon, in the background; once in a process."""
    later = threading.Timer(_WARM_AFTER, engine().warm, (_info,))
    later.daemon = True
    later.start()


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """The one engine of this process."""
    return Engine(load=_load, compare=_compare)


@st.cache_resource(show_spinner=False)
def _items(part: str) -> dict[str, ParallelExample]:
    return {item.id: item for item in read_demo(part)}


def _load(info: ModelInfo) -> Any:
    return _model(info.id, info.revision)


@st.cache_resource(show_spinner=False, max_entries=_MODELS_HELD)
def _model(model_id: str, revision: str) -> Any:
    """A loaded model; the revision is there to tell a retrained one from its elder."""
    del revision
    from ccta_core.models.load import load_model

    return load_model(model_id)


def _compare(model: Any, request: Request, stop: Stop) -> PairResult:
    from ccta_core.pipeline import compare_cached

    return compare_cached(model, request.source, request.target, request.config, stop)
