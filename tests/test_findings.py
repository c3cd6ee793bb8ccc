"""Findings on made-up studies with a known answer: what is there is found, what isn't is not."""

import numpy as np
import pytest

from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.corpus.spec import Corpus
from ccta_core.findings import claims, frames
from ccta_core.findings.page import page
from ccta_core.models.catalog import ModelInfo
from ccta_core.study.items import write_items
from ccta_core.study.parts import write_part
from ccta_core.study.plan import planned, write_plan
from ccta_core.study.schema import NAMES
from ccta_core.study.table import Study

LANGS = ("ar", "de", "en", "es", "fr", "hi", "ja", "ru", "sw", "th", "tr", "zh")
LABELS = ("entailment", "neutral", "contradiction")
ALIKE = {lang: 0.4 + 0.04 * at for at, lang in enumerate(LANGS)}
"""How near each language's embeddings are to the others': the hidden cause."""


def info(lang):
    return ModelInfo(f"made/{lang}", "nli", lang, LABELS, tuple(range(12)), 7, "r1")


def row(item, model, source, target, draw, linked):
    """EMS follows the embeddings; being right follows them too; attributions add noise only."""
    near = (ALIKE[source] + ALIKE[target]) / 2
    uniform = near + draw.normal(0, 0.02)
    found = dict.fromkeys(NAMES)
    bonus = 0.05 if model == "made/es" else 0.0
    shuffled = uniform - 0.1
    found |= {
        "item": item.id, "group": item.group, "gold": item.label, "model": model, "layer": 8,
        "source_lang": source, "target_lang": target, "target_class": item.label,
        "ems": uniform + 0.02 + bonus + draw.normal(0, 0.01), "ems_uniform": uniform,
        "ems_length": uniform, "ems_shuffled": shuffled, "ems_unrelated": 0.3,
        "ems_unrelated_back": 0.3, "links": 6, "linked_difference": linked * draw.gamma(2),
        "unlinked_difference": draw.gamma(2), "shuffled_difference": draw.gamma(2),
    }  # fmt: skip
    found["gain"] = found["ems"] - shuffled
    for side, lang in (("source", source), ("target", target)):
        right = bool(draw.random() < ALIKE[lang])
        found |= {
            f"{side}_predicted": item.label if right else "other", f"{side}_correct": right,
            f"{side}_score": float(right), f"{side}_confidence": draw.random(),
            f"{side}_units": int(draw.integers(8, 20)), f"{side}_subwords": 25,
            f"{side}_completeness_error": 0.001, f"{side}_converged": True,
            f"{side}_evaluations": 9, f"{side}_truncated": False,
        }  # fmt: skip
    return found


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies") / "made"
    folder.mkdir()
    items, draw = read_demo("nli"), np.random.default_rng(0)
    corpus = Corpus("demo:nli", "nli", "all", "CC BY 4.0", LANGS, tuple(items))
    models = [info(lang) for lang in ("en", "es", "zh")]
    plan = planned("made", "demo:nli", corpus, models, [8], Config(), chunk=60)
    write_items(folder, items, LANGS)
    write_plan(folder, plan)
    for model in models:
        rows = [
            row(item, model.id, source, target, draw, linked=0.5)
            for item in items
            for at, source in enumerate(LANGS)
            for target in LANGS[at + 1 :]
        ]
        write_part(folder, model.id, 0, rows)
    return Study(folder, plan)


def test_the_frames_leave_the_training_language_out(study):
    table = frames.languages(study, "made/es", 8)
    assert set(table.lang) == set(LANGS) - {"es"}
    assert set(table.n) == {60}
    tables = frames.pairs(study, "made/es", 8)
    assert tables["ems"].shape == (12, 12)
    assert np.isnan(np.diag(tables["ems"])).all()
    assert np.allclose(tables["ems"], tables["ems"].T, equal_nan=True)


def test_a_correlation_that_is_the_embeddings_is_found_for_both(study):
    found = {(one.model, one.measure): one for one in claims.by_language(study, 8)}
    for measure in ("ems", "ems_uniform"):
        assert found["made/en", measure].found.r > 0.8
    assert abs(found["made/en", "gain"].found.r) < found["made/en", "ems"].found.r
    mantel = {(one.model, one.measure): one for one in claims.by_pair(study, 8)}
    assert mantel["made/en", "ems"].found.r > 0.8
    assert mantel["made/en", "ems"].p_holm < 0.05


def test_at_the_item_level_nothing_is_there(study):
    """Within one pair being right is drawn without regard to EMS."""
    rows = list(claims.by_item(study, 8, [("en", "es"), ("en", "zh")]))
    assert len(rows) == 6
    for one in rows:
        assert one.aurocs["ems"].low <= 0.55
        assert one.aurocs["ems"].high >= 0.45


def test_the_most_consistent_training_language_is_found(study):
    for measure in ("ems", "gain"):
        found = claims.training_languages(study, 8, measure)
        assert found.languages[0].name == "es"
        assert "these checkpoints" in found.verdict
        assert found.p_highest < 0.05
    by_embeddings = claims.training_languages(study, 8, "ems_uniform")
    assert "no training language is shown" in by_embeddings.verdict


def test_linked_words_differ_less(study):
    found = claims.synonyms(study, 8)
    assert found.unlinked.auc > 0.6
    assert found.shuffled.low > 0.5


def test_the_page_says_all_of_it(study):
    text = page([study])
    for words in (
        "Claim 1",
        "Claim 2",
        "Claim 3",
        "made/zh",
        "embeddings only",
        "these checkpoints",
    ):
        assert words in text
    assert "nan" not in text.replace("finance", "")
    assert "None" not in text
