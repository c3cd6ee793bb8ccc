"""A study whose rows are drawn at random, with a known structure: for pages and exports."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.corpus.spec import Corpus
from ccta_core.models.catalog import ModelInfo
from ccta_core.study.manifest import Manifest, make_manifest, write_manifest
from ccta_core.study.request import StudyRequest
from ccta_core.study.storage.items import write_items
from ccta_core.study.storage.parts import write_part
from ccta_core.study.storage.schema import NAMES
from ccta_core.study.storage.table import Study
from ccta_core.types import ParallelExample

LANGS = ("ar", "de", "en", "es", "hi", "zh")
LABELS = ("entailment", "neutral", "contradiction")


def manifest_of(
    name: str,
    data: str,
    corpus: Corpus,
    models: Sequence[ModelInfo],
    layers: Sequence[int],
    **settings: Any,
) -> Manifest:
    """The manifest of a study of models that need not be on any list."""
    request = StudyRequest(
        name=name, data=data, models=[info.id for info in models], layers=layers,
        **{"config": Config(), **settings},
    )  # fmt: skip
    return make_manifest(request, corpus, models)


def made_study(
    folder: Path,
    *,
    name: str = "made",
    langs: Sequence[str] = LANGS,
    trained: Sequence[str] = ("en", "es"),
    items: int = 30,
    layers: Sequence[int] = (4, 8),
) -> Study:
    """Writes a study under `folder`/NAME: EMS and being right both follow a language's place.

    Being right is likelier the later a language stands in `langs`, and so is a high EMS.
    """
    examples = read_demo("nli")[:items]
    corpus = Corpus("demo:nli", "nli", "all", "CC BY 4.0", tuple(langs), tuple(examples))
    models = [
        ModelInfo(f"made/{lang}", "nli", lang, LABELS, tuple(range(12)), 7, "r1")
        for lang in trained
    ]
    manifest = manifest_of(name, "demo:nli", corpus, models, layers, chunk=max(items, 1))
    place = folder / name
    place.mkdir(parents=True)
    write_items(place, examples, langs)
    write_manifest(place, manifest)
    draw = np.random.default_rng(0)
    for model in models:
        rows = [
            _row(example, model, layer, (source, target), langs, draw)
            for layer in layers
            for example in examples
            for at, source in enumerate(langs)
            for target in langs[at + 1 :]
        ]
        write_part(place, model.id, 0, rows)
    return Study(place, manifest)


def _row(
    example: ParallelExample,
    model: ModelInfo,
    layer: int,
    pair: tuple[str, str],
    langs: Sequence[str],
    draw: np.random.Generator,
) -> dict[str, Any]:
    near = {lang: 0.4 + 0.5 * langs.index(lang) / len(langs) for lang in pair}
    uniform = sum(near.values()) / 2 + draw.normal(0, 0.02)
    ems = uniform + 0.02 + draw.normal(0, 0.01)
    row: dict[str, Any] = dict.fromkeys(NAMES)
    row |= {
        "item": example.id, "group": example.group, "gold": example.label, "model": model.id,
        "layer": layer, "source_lang": pair[0], "target_lang": pair[1],
        "target_class": example.label, "ems": ems, "ems_uniform": uniform,
        "ems_length": uniform, "ems_shuffled": uniform - 0.1, "shuffled_sd": 0.02,
        "p_value": draw.random(), "ems_unrelated": 0.3, "ems_unrelated_back": 0.3,
        "gain": ems - uniform + 0.1, "z": (ems - uniform + 0.1) / 0.02,
        "link_spearman": draw.uniform(-1, 1), "sign_agreement": draw.random(),
        "cross_segment_mass": draw.random() / 5, "links": 6, "linked_difference": draw.gamma(2),
        "unlinked_difference": draw.gamma(2), "shuffled_difference": draw.gamma(2),
        "gain_unrelated": 0.04, "gain_other_class": 0.08, "marginal_error": 1e-16,
    }  # fmt: skip
    for side, lang in zip(("source", "target"), pair, strict=True):
        right = bool(draw.random() < near[lang])
        other = next(label for label in LABELS if label != example.label)
        said = example.label if right else other
        row |= {
            f"{side}_predicted": said, f"{side}_correct": right, f"{side}_score": float(right),
            f"{side}_probability": 0.8 if right else 0.1, f"{side}_confidence": draw.random(),
            f"{side}_units": int(draw.integers(8, 20)), f"{side}_subwords": 25,
            f"{side}_special_share": 0.2, f"{side}_completeness_error": 0.001,
            f"{side}_mass_error": 0.012, f"{side}_converged": True, f"{side}_evaluations": 9,
            f"{side}_truncated": False,
        }  # fmt: skip
    return row


def answering(study: Study, query: Callable[..., pd.DataFrame]) -> Study:
    """The study with another way to answer a question: what it would be with other rows."""
    other = Study(study.folder, study.manifest)
    other.__dict__["query"] = query
    return other
