"""Studies: kills, workers and damaged parts change nothing; bad input is one line."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

import ccta_core as ccta
from ccta_core.cli import main
from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.corpus.spec import read_corpus
from ccta_core.errors import CctaError, DamagedFileError, StoppedError
from ccta_core.models.catalog import find
from ccta_core.study.manifest import folder_of, read_manifest
from ccta_core.study.request import StudyRequest
from ccta_core.study.run import local
from ccta_core.study.run.locks import CANCEL, LOCK, hold
from ccta_core.study.storage.items import read_items_of, write_items
from ccta_core.study.storage.parts import missing_parts, part_path, write_part
from ccta_core.study.storage.schema import NAMES
from ccta_core.study.storage.table import open_study
from tests.made_study import manifest_of

MODEL = "e5-small/nli-en"
LANGS = ("en", "zh")
CONFIG = Config(shuffles=4, unrelated=1)


def request(name="one", **changes):
    settings = {
        "name": name, "data": "demo:nli", "models": [MODEL], "layers": (11,),
        "languages": ("en", "es"), "limit": 12, "config": CONFIG, "chunk": 6,
    }  # fmt: skip
    return StudyRequest(**{**settings, **changes})


def quiet(progress):
    del progress


def part_bytes(name):
    folder = folder_of(name)
    return {path.name: path.read_bytes() for path in sorted(folder.glob("parts/*/*.parquet"))}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study that was run once, undisturbed: its cache folder."""
    root = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCTA_CACHE", str(root))
        local.create(request())
        local.run("one", report=quiet)
    return root


@pytest.fixture
def done(whole, monkeypatch):
    monkeypatch.setenv("CCTA_CACHE", str(whole))
    return open_study("one")


def test_the_table_has_both_directions(done):
    table = done.table()
    assert done.done == (2, 2)
    assert len(table) == 12 * 2
    there = table[table.source_lang == "en"].set_index("item").sort_index()
    back = table[table.source_lang == "es"].set_index("item").sort_index()
    assert np.allclose(there.ems, back.ems)
    assert (there.source_predicted == back.target_predicted).all()
    assert not np.allclose(there.ems_unrelated, back.ems_unrelated)
    chance = there.ems_unrelated.mean()
    assert np.allclose(there.calibrated, (there.ems - chance) / (1 - chance))
    assert set(table.training_language) == {"en"}
    assert done.table(arrow=True).num_rows == 24
    assert done.query("SELECT count(*) AS n FROM pairs")["n"].tolist() == [12]


def test_workers_change_nothing(whole, tmp_path, monkeypatch):
    monkeypatch.setenv("CCTA_CACHE", str(whole))
    expected = part_bytes("one")
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    local.create(request())
    local.run("one", workers=2, report=quiet)
    assert part_bytes("one") == expected


def test_a_killed_study_goes_on_and_ends_the_same(whole, tmp_path, monkeypatch):
    monkeypatch.setenv("CCTA_CACHE", str(whole))
    expected = part_bytes("one")
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    manifest = local.create(request())
    code = "from ccta_core.study.run import local; local.run('one')"
    child = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.DEVNULL, start_new_session=True
    )
    folder = folder_of("one")
    first = part_path(folder, MODEL, 0)
    for _ in range(3000):  # on a busy machine torch alone takes a minute to start
        if first.exists() or child.poll() is not None:
            break
        time.sleep(0.1)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    left = missing_parts(folder, manifest)
    assert first.exists()
    local.run("one", report=quiet)
    assert left  # it was killed in the middle
    assert part_bytes("one") == expected


def test_a_damaged_part_is_set_aside_and_made_again(whole, tmp_path, monkeypatch):
    import shutil

    shutil.copytree(whole / "studies", tmp_path / "studies")
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    expected, path = part_bytes("one"), part_path(folder_of("one"), MODEL, 1)
    path.write_bytes(path.read_bytes()[:-100])
    local.run("one", report=quiet)
    assert path.with_suffix(".damaged").exists()
    assert part_bytes("one") == expected


def test_a_page_that_was_changed_is_found_when_the_study_goes_on(whole, tmp_path, monkeypatch):
    import shutil

    shutil.copytree(whole / "studies", tmp_path / "studies")
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    expected, path = part_bytes("one"), part_path(folder_of("one"), MODEL, 1)
    page = bytearray(path.read_bytes())
    page[200] ^= 1  # inside the first column: the file's own words about itself stay right
    path.write_bytes(page)
    manifest = read_manifest(folder_of("one"))
    assert missing_parts(folder_of("one"), manifest) == []
    assert missing_parts(folder_of("one"), manifest, thorough=True) == [(MODEL, 1)]
    local.run("one", report=quiet)
    assert path.with_suffix(".damaged").exists()
    assert part_bytes("one") == expected


def test_a_finished_study_is_not_run_again(done):
    lines = []
    assert local.run("one", report=lines.append).name == "one"
    assert lines == []


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"layers": (10, 11)}, "layers: [11] here, [10, 11] asked for"),
        ({"limit": 6}, "items: 12 here, 6 asked for"),
        ({"languages": ("en", "zh")}, "languages"),
        ({"config": Config(shuffles=5, unrelated=1)}, "fingerprint"),
    ],
)
def test_another_study_under_the_same_name_is_refused(done, changes, line):
    with pytest.raises(CctaError) as caught:
        local.create(request(**changes))
    assert line in str(caught.value)
    assert "choose another name" in str(caught.value)


def test_a_study_grows_by_models_and_items(whole, tmp_path, monkeypatch):
    import shutil

    shutil.copytree(whole / "studies", tmp_path / "studies")
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    before = part_bytes("one")
    other = find("e5-small/nli-xnli-es")
    models = [MODEL, other.id]
    manifest = local.create(request(models=models, limit=18), extend=True)
    assert missing_parts(folder_of("one"), manifest) == [
        (MODEL, 2),
        *((other.id, n) for n in range(3)),
    ]
    assert {name: part_bytes("one")[name] for name in before} == before
    with pytest.raises(CctaError, match="has e5-small/nli-xnli-es too"):
        local.create(request(limit=18), extend=True)
    with pytest.raises(CctaError, match="only a study of full chunks"):
        local.create(request(models=models, limit=12), extend=True)
    with pytest.raises(CctaError, match="layers"):
        local.create(request(models=models, limit=18, layers=(10,)), extend=True)


def test_two_runs_at_once_are_refused(done):
    with hold(done.folder / LOCK), pytest.raises(CctaError, match="running already"):
        local.run("one", report=quiet)
    with local.hold_study("one"):
        pass  # it is free again


def test_a_study_stops_when_asked(tmp_path):
    local.create(request("stopped"))

    def ask(progress):
        if progress.done == 0:
            (folder_of("stopped") / CANCEL).touch()

    with pytest.raises(StoppedError, match="resume goes on"):
        local.run("stopped", report=ask)
    with local.hold_study("stopped"):
        pass  # nobody holds it


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    row = dict.fromkeys(NAMES)
    write_part(tmp_path, MODEL, 0, [row])

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CctaError, match=r"No space left on device.*make room"):
        write_part(tmp_path, MODEL, 1, [row])
    assert part_path(tmp_path, MODEL, 0).exists()
    assert not part_path(tmp_path, MODEL, 1).exists()
    assert list(tmp_path.rglob("*.tmp")) == []


def test_items_come_back_as_they_were(tmp_path):
    for part in ("nli", "qa", "sentences"):
        items = read_demo(part)
        write_items(tmp_path, items, list(items[0].sentences))
        assert read_items_of(tmp_path, 3, 4) == items[3:7]
    (tmp_path / "items.arrow").write_bytes(b"torn")
    with pytest.raises(DamagedFileError, match="can't be read"):
        read_items_of(tmp_path, 0, 1)


def test_a_later_schema_is_refused(done):
    path = done.folder / "manifest.json"
    kept = path.read_text()
    try:
        path.write_text(json.dumps(json.loads(kept) | {"schema": 99}))
        with pytest.raises(CctaError, match="update the program"):
            read_manifest(done.folder)
        path.write_text(kept[:100])
        with pytest.raises(DamagedFileError, match="can't be read"):
            open_study("one")
    finally:
        path.write_text(kept)


def test_items_a_model_was_trained_on_are_refused(done):
    """The series is trained on XNLI test: a corpus that calls itself so is refused."""
    corpus = replace(read_corpus("demo:nli", ["en", "es"]), source="xnli", split="test")
    info = find("e5-small/nli-xnli-es")
    with pytest.raises(CctaError, match="allow items that a model was trained on"):
        manifest_of("x", "xnli#test", corpus, [info], [8])
    assert manifest_of("x", "xnli#test", corpus, [info], [8], allow_overlap=True).items == 60
    other = replace(corpus, split="dev")
    assert manifest_of("x", "xnli#dev", other, [info], [8]).items == 60
    # Of a person's own file the items may be others of the same file, wherever it lies.
    training = {**info.card["training"], "data": ["file:/elsewhere/mine#1.csv"]}
    own = replace(info, card={**info.card, "training": training})
    for name, refused in (("mine#1.csv", True), ("other.csv", False)):
        mine = replace(corpus, source=f"file:{name}", split="all")
        with pytest.raises(CctaError, match="was trained on") if refused else nullcontext():
            manifest_of("x", f"file:{name}", mine, [own], [8])


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["run", "--name", "a/b", "--model", MODEL, "--data", "demo:nli"], "study's name"),
        (["run", "--name", "a", "--model", "none", "--data", "demo:nli"], "unknown model"),
        (["run", "--name", "a", "--model", MODEL, "--data", "demo:poems"], "unknown demo corpus"),
        (["run", "--name", "a", "--model", MODEL, "--data", "demo:qa"], "is qa data"),
        (["run", "--name", "a", "--model", MODEL, "--data", "demo:nli", "--layers", "x"], "layers"),
        (
            ["run", "--name", "a", "--model", MODEL, "--data", "demo:nli", "--layers", "40"],
            "layers",
        ),
        (
            ["run", "--name", "a", "--model", MODEL, "--data", "demo:nli", "--langs", "en"],
            "languages",
        ),
        (["run", "--name", "a", "--model", MODEL, "--data", "demo:nli", "--limit", "0"], "limit"),
        (
            ["run", "--name", "demo-nli", "--model", MODEL, "--data", "demo:nli", "--limit", "2"],
            "demo-nli is a study that ships",
        ),
        (["export", "demo-nli", "--to", "-", "--format", "csv"], "found -"),
        (["resume", "nothing"], "no study 'nothing'"),
        (["show", "nothing"], "no study 'nothing'"),
        (["stop", "nothing"], "no study 'nothing'"),
    ],
)
def test_bad_input_is_one_line(words, line, capsys):
    assert main(["study", *words]) == 2
    err = capsys.readouterr().err
    assert line in err
    assert err.count("\n") == 1


def test_the_commands_show_a_study(done, capsys):
    assert main(["study", "list", "--json"]) == 0
    (row,) = [r for r in json.loads(capsys.readouterr().out) if r["name"] == "one"]
    assert (row["parts_done"], row["parts"], row["items"]) == (2, 2, 12)
    assert main(["study", "show", "one", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {(r["source_lang"], r["target_lang"]) for r in found} == {("en", "es"), ("es", "en")}
    assert main(["study", "show", "one"]) == 0
    assert "e5-small/nli-en" in capsys.readouterr().out


def test_in_this_process_the_rows_are_the_same(whole, tmp_path, monkeypatch):
    monkeypatch.setenv("CCTA_CACHE", str(whole))
    expected = part_bytes("one")["00000.parquet"]
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    study = ccta.run_study(
        "one", "demo:nli", MODEL, layers=(11,), languages=("en", "es"), limit=6,
        config=CONFIG, report=quiet,
    )  # fmt: skip
    assert study.done == (1, 1)
    found = study.table()
    assert len(found) == 12
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCTA_CACHE", str(whole))
        other = open_study("one").table()
    both = found.merge(other, on=["item", "source_lang", "target_lang"])
    assert len(both) == 12
    assert np.allclose(both.ems_x, both.ems_y, atol=1e-3)
    assert expected


def test_a_study_without_parts_says_so(tmp_path):
    local.create(request("empty"))
    with pytest.raises(CctaError, match="no finished part"):
        open_study("empty").table()


def test_the_page_of_columns_is_made_from_the_code():
    from pathlib import Path

    from research.documents import schema

    written = Path(schema.__file__).parents[2] / "docs" / "schema.md"
    assert written.read_text("utf-8") == schema.page()
