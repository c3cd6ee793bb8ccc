"""A study that ships: the same rows to a few digits, without texts."""

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ccta_core.errors import CctaError
from ccta_core.study.manifest import SHIPPED, config_of, read_manifest
from ccta_core.study.run.status import is_shipped
from ccta_core.study.storage.table import Study
from research.studies.ship import ship, shortened
from tests.made_study import LABELS, made_study


@given(arrays.arrays(np.float32, 20, elements=st.floats(-1e6, 1e6, width=32)))
def test_what_is_left_out_is_small(values):
    near = shortened(values)
    usual = np.abs(values) > 1e-30
    assert np.all(np.abs(near - values)[usual] <= 3.1e-5 * np.abs(values)[usual])


def test_no_number_and_plain_numbers_stay_what_they_are():
    values = np.array([np.nan, 0.0, 1.0, -0.5, 3.0], dtype=np.float32)
    np.testing.assert_array_equal(shortened(values), values)


def test_a_shipped_study_says_what_the_study_said(tmp_path):
    study = made_study(tmp_path / "mine")
    manifest = ship(study.folder, tmp_path / "shipped" / "made")
    shipped = Study(tmp_path / "shipped" / "made", manifest)
    assert shipped.done == study.done
    keys = ["model", "layer", "item", "source_lang", "target_lang"]
    one, other = (each.table().sort_values(keys, ignore_index=True) for each in (study, shipped))
    assert list(one.columns) == list(other.columns)
    pd.testing.assert_frame_equal(one, other, rtol=1e-4, atol=1e-4, check_dtype=False)
    assert is_shipped(shipped.folder)
    size = sum(path.stat().st_size for path in shipped.folder.rglob("*.parquet"))
    assert size < 0.6 * sum(path.stat().st_size for path in study.folder.rglob("*.parquet"))


@pytest.mark.parametrize(("data", "texts"), [("demo:nli", True), ("xnli#dev", False)])
def test_the_texts_of_others_stay_behind(tmp_path, data, texts):
    study = made_study(tmp_path / "mine", items=6)
    manifest = study.folder / "manifest.json"
    found = json.loads(manifest.read_text("utf-8")) | {"data": data}
    manifest.write_text(json.dumps(found), encoding="utf-8")
    manifest = ship(study.folder, tmp_path / "out")
    assert set(Study(tmp_path / "out", manifest).table()["source_predicted"]) <= {*LABELS}
    assert (tmp_path / "out" / "items.arrow").exists() == texts
    assert data in (tmp_path / "out" / "shipped").read_text("utf-8")


@pytest.mark.parametrize(("data", "kept"), [("demo:qa", True), ("xquad#heldout", False)])
def test_answers_are_texts_and_stay_behind_too(tmp_path, data, kept):
    study = made_study(tmp_path / "mine", items=6)
    manifest = study.folder / "manifest.json"
    found = json.loads(manifest.read_text("utf-8")) | {"data": data}
    found["models"] = [model | {"task": "qa"} for model in found["models"]]
    manifest.write_text(json.dumps(found), encoding="utf-8")
    manifest = ship(study.folder, tmp_path / "out")
    rows = Study(tmp_path / "out", manifest).table()
    for side in ("source", "target"):
        assert rows[f"{side}_predicted"].notna().all() == kept
        assert rows[f"{side}_predicted"].isna().all() != kept
        assert rows[f"{side}_correct"].notna().all()


def test_every_study_of_the_findings_ships():
    """Also in a new clone: what git ignores would be missing there."""
    told = (Path(__file__).parents[1] / "docs" / "findings.md").read_text("utf-8")
    names = re.findall(
        r"^- `([^`]+)`: \w+ [^(]*\(", told.partition("## The studies")[2], re.MULTILINE
    )
    assert len(names) == len(set(names)) >= 3
    for name in ("demo-nli", *names):
        assert is_shipped(SHIPPED / name)
        study = Study(SHIPPED / name, read_manifest(SHIPPED / name))
        assert study.done[0] == study.done[1] > 0
    ignored = subprocess.run(
        ["git", "check-ignore", *(f"cache/studies/{name}/manifest.json" for name in names)],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not ignored.stdout


def test_the_readme_says_what_the_findings_say():
    root = Path(__file__).parents[1]
    told = (root / "docs" / "findings.md").read_text("utf-8")
    _, _, section = (root / "README.md").read_text("utf-8").partition("## What it finds")
    lines = re.findall(r"^- \*\*.*$", section.partition("\n## ")[0], re.MULTILINE)
    assert len(lines) == 5
    assert lines == re.findall(r"^- \*\*.*$", told.partition("\n## ")[0], re.MULTILINE)
    assert len(told.partition("\n## ")[0].split()) <= 250


def test_what_was_measured_before_opens_without_the_bound_and_takes_no_new_rows():
    """Studies of schema 1 know nothing of the error of their masses, and mix with nothing new."""
    plan = read_manifest(SHIPPED / "demo-nli")
    study = Study(SHIPPED / "demo-nli", plan)
    (row,) = study.records(
        "SELECT count(*) AS n, count(source_mass_error) + count(target_mass_error) AS known, "
        "count(source_completeness_error) AS complete FROM rows"
    )
    assert plan.schema == 1
    assert row["n"] > 0
    assert (row["known"], row["complete"]) == (0, row["n"])
    with pytest.raises(CctaError, match=r"earlier version .* run it anew under another name"):
        config_of(plan)
