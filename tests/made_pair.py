"""A made-up model, item and result for the Pair page, and how its tests read a page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ccta_core.config import Config
from ccta_core.models.catalog import ModelInfo
from ccta_core.result import PairResult
from ccta_core.types import ParallelExample, Sentence
from dashboard import resources
from dashboard.engine import Engine
from dashboard.views.pair.view import Options, PairRequest

APP = str(Path(__file__).parents[1] / "dashboard" / "app.py")
LABELS = ("entailment", "neutral", "contradiction")
MODEL = ModelInfo("e5-small/nli-en", "nli", "en", LABELS, tuple(range(12)), 8, "test")
ITEM = ParallelExample(
    "ferry-c",
    "ferry",
    "contradiction",
    {
        "en": Sentence("The ferry was cancelled.", "en", "It left."),
        "es": Sentence("El ferri se canceló.", "es", "Salió."),
        "ar": Sentence("أُلغيت العبّارة.", "ar", "غادرت."),
    },
)
OPTIONS = Options({MODEL.id: MODEL}, {ITEM.id: ITEM}, {MODEL.task: (ITEM.id,)})
SIDES = (ITEM.sentences["en"], ITEM.sentences["es"])


def side_payload(sentence: Sentence) -> dict[str, Any]:
    """One side with a word a unit and weights that fall off."""
    units = [
        {"text": word, "start": text.find(word), "end": text.find(word) + len(word), "segment": n}
        for n, text in enumerate(sentence.segments)
        for word in text.split()[:100]
    ]
    scores = np.array([(-1) ** n / (n + 1) for n in range(len(units))])
    return {
        "lang": sentence.lang,
        "text": sentence.text,
        "text2": sentence.text2,
        "units": units,
        "subwords": ["<s>", *(unit["text"] for unit in units), "</s>"],
        "attribution": scores.tolist(),
        "subword_attribution": [0.0, *scores.tolist(), 0.0],
        "mass": (np.abs(scores) / np.abs(scores).sum()).tolist(),
        "prediction": {"entailment": 0.1, "neutral": 0.2, "contradiction": 0.7},
        "focus": [list(span) for span in sentence.focus],
        "given_focus": [list(span) for span in sentence.focus],
        "special_share": 0.1,
        "target_class": "contradiction",
        "f_input": 2.0,
        "f_baseline": 0.0,
        "completeness_error": 0.004,
        "mass_error": 0.012,
        "converged": True,
        "evaluations": 20,
        "truncated": False,
    }


def make_result(request: PairRequest) -> PairResult:
    """A whole result whose plan is the product of its masses."""
    source, target = side_payload(request.source), side_payload(request.target)
    plan = np.outer(source["mass"], target["mass"])
    similarity = np.linspace(0.2, 0.9, plan.size).reshape(plan.shape)
    controls = {"ems_uniform": 0.6, "ems_shuffled": 0.5, "p_value": 0.01, "ems_unrelated": 0.3}
    return PairResult.from_payload(
        {
            "model": request.model.id,
            "revision": "test",
            "task": "nli",
            "target_class": "contradiction",
            "layer": request.config.layer,
            "align_layer": 8,
            "space": "centered",
            "seed": 0,
            "n_shuffles": 99,
            "source": source,
            "target": target,
            "plan": plan.tolist(),
            "similarity": similarity.tolist(),
            "ems": float((plan * similarity).sum()),
            "controls": controls,
            "notices": ["Something <b>worth</b> knowing."],
            "provenance": {"marginal_error": 0.0},
        }
    )


def request_of(layer: int = 0) -> PairRequest:
    return PairRequest(MODEL, *SIDES, Config(layer=layer))


def opener(monkeypatch: pytest.MonkeyPatch, offer: Options = OPTIONS) -> Callable[..., AppTest]:
    """Opens the page with a query; every result is in the store unless `stored` says otherwise."""
    monkeypatch.setattr(resources, "options", lambda: offer)
    monkeypatch.setattr(resources, "warm", lambda info: None)

    def open_page(
        query: dict[str, str] | None = None,
        stored: Callable[[PairRequest], PairResult | None] = make_result,
        engine: Engine | None = None,
    ) -> AppTest:
        monkeypatch.setattr(resources, "find_stored", stored)
        monkeypatch.setattr(resources, "engine", lambda: engine)
        app = AppTest.from_file(APP, default_timeout=30)
        for key, value in (query or {}).items():
            app.query_params[key] = value
        return app.run()

    return open_page


def html_of(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def said(app: AppTest) -> str:
    lines = [*app.warning, *app.error]
    return "\n".join(line.value.replace("\\", "") for line in lines)


def clean(app: AppTest) -> AppTest:
    assert not app.exception
    assert "did not expect" not in said(app)
    return app
