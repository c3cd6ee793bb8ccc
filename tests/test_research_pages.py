"""What research/ makes of studies: one file to ship, and the pages on noise and training size."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.store.usage import MARK
from ccta_core.study.storage.parts import has_rows, missing_parts, rows_file
from ccta_core.study.storage.table import Study
from research.documents import findings, noise, training_size
from research.studies.ship import ship
from tests.made_study import made_study


def test_a_study_as_one_file_answers_as_its_parts(tmp_path, monkeypatch):
    """To the bits that are kept; nothing is written to the cache for it."""
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path / "cache"))
    study = made_study(tmp_path / "studies")
    manifest = ship(study.folder, tmp_path / "shipped")
    one = Study(tmp_path / "shipped", manifest)
    assert missing_parts(one.folder, manifest, thorough=True) == []
    assert has_rows(one.folder)
    assert (one.folder / MARK).exists()
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path / "other"))
    found, expected = one.means(), study.means()
    pd.testing.assert_frame_equal(found, expected, rtol=1e-4)
    assert one.query("SELECT count(*) AS n FROM rows").n[0] == len(study.table())
    assert not (tmp_path / "other" / "tables" / manifest.name).exists() or not list(
        (tmp_path / "other" / "tables" / manifest.name).glob(f"{rows_file(one.folder).stem}*")
    )


def test_a_changed_file_of_rows_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path / "cache"))
    study = made_study(tmp_path / "studies", trained=("en",), items=6)
    manifest = ship(study.folder, tmp_path / "shipped")
    path = rows_file(tmp_path / "shipped")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedFileError, match="is not what was written; restore it"):
        Study(tmp_path / "shipped", manifest).means()


def test_a_study_is_shipped_over_itself(tmp_path, monkeypatch):
    """What ships already can be written anew, and is the same bytes."""
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path / "cache"))
    study = made_study(tmp_path / "studies", trained=("en",), items=6)
    ship(study.folder, tmp_path / "shipped")
    first = rows_file(tmp_path / "shipped")
    before = first.read_bytes()
    ship(tmp_path / "shipped", tmp_path / "shipped")
    assert rows_file(tmp_path / "shipped").read_bytes() == before
    assert rows_file(tmp_path / "shipped") == first


def planted(tens, accuracy=0.4, seed=0):
    """Models whose EMS is accuracy's and the training language's, and `tens` a tenfold size's."""
    draw = np.random.default_rng(seed)
    rows = [
        {"language": lang, "items": items, "seed": run, "accuracy": 0.4 + draw.uniform(0, 0.2)}
        for lang in ("en", "es", "zh")
        for items in (500, 1250, 2500, 5010)
        for run in (1, 2, 3)
    ]
    table = pd.DataFrame(rows)
    at = table["language"].map({"en": 0.1, "es": 0.2, "zh": 0.0})
    noise_ = draw.normal(0, 0.002, len(table))
    table["ems"] = at + accuracy * table["accuracy"] + tens * np.log10(table["items"]) + noise_
    return table


@pytest.mark.parametrize("tens", [0.03, -0.02, 0.0])
def test_size_is_told_from_accuracy(tens):
    value, low, high = training_size.at_equal_accuracy(planted(tens), "ems")
    assert value == pytest.approx(tens, abs=0.004)
    assert low < tens < high
    assert (low < 0 < high) == (tens == 0)


def test_seeds_of_one_language_and_size_are_no_more_evidence():
    """As many seeds alike as one likes: the interval stays that of their means."""
    table = planted(0.03)
    once = table[table["seed"] == 1]
    again = pd.concat([once.assign(seed=seed) for seed in range(1, 6)])
    assert training_size.at_equal_accuracy(again, "ems") == pytest.approx(
        training_size.at_equal_accuracy(once, "ems")
    )


def of_pairs(moves, seeds=3, groups=40):
    """Rows of models of two sizes: the larger's EMS is the smaller's plus its seed's move."""
    draw, rows = np.random.default_rng(5), []
    for seed in range(1, seeds + 1):
        for lang in ("en", "es"):
            for group in range(groups):
                low = draw.normal(0.5, 0.1)
                keys = {
                    "language": lang,
                    "seed": seed,
                    "group": f"g{group:02}",
                    "item": f"i{group}",
                }
                for items, value in ((500, low), (2500, low + moves[seed - 1])):
                    noise_ = draw.normal(0, 0.01)
                    rows.append({**keys, "target": "zh", "items": items, "ems": value + noise_})
    return pd.DataFrame(rows)


def test_a_change_is_each_seeds_own_and_seeds_could_have_been_others():
    found = training_size.change(of_pairs((0.03, 0.05, 0.07)), "ems", 500, 2500)
    assert found.value == pytest.approx(0.05, abs=0.003)
    # three seeds that differ by .02: Student's t of their means, two degrees of freedom or more
    assert 0.5 * 4.30 * 0.02 / 3**0.5 < (found.high - found.low) / 2 < 1.1 * 4.30 * 0.02 / 3**0.5
    one = training_size.change(of_pairs((0.05,), seeds=1), "ems", 500, 2500)
    assert one.low < 0.05 < one.high
    assert one.high - one.low < 0.02


def test_sizes_of_several_studies_are_one_table(tmp_path, monkeypatch):
    monkeypatch.setattr(training_size, "_trained", lambda name: training_size._Trained(
        name[-2:], 500 if "made" in name else 2500, 1
    ))  # fmt: skip
    one, same = (made_study(tmp_path / name, items=6) for name in ("one", "same"))
    table = training_size.of_pairs([one, same])
    rows = one.query("SELECT * FROM rows WHERE model = 'made/en' AND source_lang = 'en'")
    its = table[(table["model"] == "made/en")]
    assert its["ems"].mean() == pytest.approx(rows["ems"].mean())
    assert len(its) == 2 * len(rows)
    other = made_study(tmp_path / "other", items=9)
    with pytest.raises(CctaError, match="differ in items_sha256"):
        training_size.of_pairs([one, other])


def test_the_noise_page_weighs_each_kind_against_translations():
    draw = np.random.default_rng(0)
    rows = pd.DataFrame([
        {"kind": kind, "group": f"g{group}", "detail": "", "shuffled": 1.4,
         "difference": mean + draw.normal(0, 0.05)}
        for kind, mean in (
            ("translations", 0.8), ("paraphrases", 0.4), ("another seed", 0.3),
            ("translations, seeds", 0.6), ("another training language", 0.5),
        )
        for group in range(20) for _ in range(3)
    ])  # fmt: skip
    results = noise.summary(rows).set_index("kind")
    assert results.loc["translations", "difference"] == pytest.approx(0.8, abs=0.02)
    assert results.loc["paraphrases", "low"] < 0.4 < results.loc["paraphrases", "high"]
    assert results.loc["paraphrases", "groups"] == 20
    text = "\n".join(noise.page(results.reset_index()))
    assert "one model: 0.40 (" in text
    assert "by 0.50, another seed by 0.30: it is shown to move them further." in text
    assert text.count("50% of what translations differ by") == 2  # each by its own models
    alone = results.drop(index=["another seed", "translations, seeds"]).reset_index()
    assert "seed alone: " not in "\n".join(noise.page(alone))


def test_other_models_stand_beside_the_series(tmp_path, monkeypatch):
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path / "cache"))
    series, other = (made_study(tmp_path / name, items=6) for name in ("series", "other"))
    assert findings.beside_the_series(series, []) == ""
    text = findings.beside_the_series(series, [other])
    rows = other.query("SELECT * FROM rows WHERE model = 'made/en'")
    agreement = (rows["gain"] - rows["gain_unrelated"]).mean()
    line = next(each for each in text.splitlines() if each.startswith("| made/en |"))
    assert f"| {rows['ems'].mean():.3f} |" in line
    assert f"| {agreement:.3f} |" in line
    assert "| the series, mean |" in text
    assert "ccta study run --name second-backbone" in text


def test_a_size_is_read_from_a_models_name():
    for name, expected in (
        ("own/nli-xnli-es-500-seed2", ("es", "500", "2")),
        ("e5-small/nli-xnli-zh", ("zh", None, None)),
    ):
        assert training_size._NAME.search(name).groups() == expected


def test_other_heads_and_other_items_stand_on_the_first_page(tmp_path):
    """The heads as they are; other items only where they decide otherwise."""
    joint = pd.DataFrame({
        "measure": ["ems", "gain"], "held_fixed": ["embeddings only"] * 2,
        "mean_r": [0.5, 0.1], "p": [0.001, 0.4],
    })  # fmt: skip
    assert findings.random_heads(tmp_path) == {}
    assert findings.other_items(tmp_path, joint) == ""
    heads = pd.DataFrame({
        "model": ["a", "a", "b", "b"], "random": ["head", "head", "head", "head, layers 12"],
        "kept": [0.5, 0.7, 0.6, 0.1],
    })  # fmt: skip
    heads.to_csv(tmp_path / "randomisation.csv", index=False)
    assert findings.random_heads(tmp_path) == {"a": [0.5, 0.7], "b": [0.6]}
    before = joint.assign(mean_r=[0.2, 0.1], p=[0.2, 0.4])
    before.to_csv(tmp_path / "first-genre.csv", index=False)
    assert "not shown to add: p = 0.20." in findings.other_items(tmp_path, joint)
    assert findings.other_items(tmp_path, before) == ""


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["research.studies.ship", "nothing", "target"], "no study 'nothing' here"),
        (["research.documents.nulls", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_to_a_script_is_one_line(words, line, tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", *words], cwd=Path(__file__).parents[1], capture_output=True,
        text=True, check=False, env=os.environ | {"CCTA_CACHE": str(tmp_path)},
    )  # fmt: skip
    assert ran.returncode == 1
    assert line in ran.stderr
    assert ran.stderr.count("\n") == 1
