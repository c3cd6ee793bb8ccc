"""Every measure once: what it is called, what it means, where it is read."""

import ast
from dataclasses import fields
from pathlib import Path

import pytest

from ccta_core import measures
from ccta_core.measures import CELLS, EXPORTED, MEASURES, MENU, PAIR_CONTROLS, STORED
from ccta_core.study.storage.schema import COLUMNS
from ccta_core.types import Controls

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(
    path
    for top in ("ccta_core", "dashboard", "research")
    for path in (ROOT / top).rglob("*.py")
    if path.name != "measures.py"
)


def test_labels_and_keys_are_unique():
    assert len({measure.label for measure in MEASURES.values()}) == len(MEASURES)
    assert all(key == measure.key for key, measure in MEASURES.items())
    assert all(measure.meaning for measure in MEASURES.values())


def test_the_lists_name_measures_and_the_columns_are_theirs():
    for keys in (CELLS, EXPORTED, MENU, PAIR_CONTROLS, STORED):
        assert set(keys) <= set(MEASURES)
    stored = [column.name for column in COLUMNS if column.name in MEASURES]
    assert stored == list(STORED)
    assert list(PAIR_CONTROLS) == [field.name for field in fields(Controls)]


@pytest.mark.parametrize("measure", MEASURES.values(), ids=lambda measure: measure.key)
def test_a_study_answers_for_it_within_its_range(measure, study):
    for unit in measures.UNITS:
        answer = study.query(f"SELECT {measure.sql_at(unit)} AS value FROM rows")["value"].dropna()
        assert len(answer) or measure.missing or measure.key == "calibrated"
        assert answer.between(measure.low - 1e-9, measure.high + 1e-9).all()


def test_how_values_are_written():
    assert MEASURES["p_value"].write(0.0004) == measures.text.p_value(0.0004)
    assert MEASURES["sign_agreement"].write(0.5) == measures.text.percent(0.5)
    assert MEASURES["gain"].write(-0.0) == "0.00"
    assert MEASURES["gain"].write(None) == measures.text.NONE


def test_titles_begin_a_sentence():
    assert MEASURES["ems_uniform"].title == "Embeddings only"
    assert (MEASURES["z"].title, MEASURES["p_value"].title) == ("z", "p against shuffled")
    assert measures.title("score", "qa") == "F1"
    assert measures.title("score", "nli") == "Accuracy"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_list_of_measures(path):
    """No dictionary elsewhere gives measures names or meanings, and none of the long labels."""
    labels = {m.label for m in MEASURES.values() if " " in m.label} - {"between the texts"}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Dict):
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            texts = [v for v in node.values if isinstance(v, ast.Constant | ast.Tuple)]
            assert not (len(set(keys) & set(MEASURES)) > 2 and len(texts) > 2), keys
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert node.value not in labels, node.value
