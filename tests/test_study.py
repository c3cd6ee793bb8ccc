"""Studies: rows are those of single comparisons; kills and workers change nothing."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
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
from ccta_core.models.frequency import log_frequencies, piece_scores
from ccta_core.study import differences, runner
from ccta_core.study.items import read_items_of, write_items
from ccta_core.study.measure import measure
from ccta_core.study.parts import missing_parts, part_path, write_part
from ccta_core.study.plan import folder_of, planned, read_plan
from ccta_core.study.schema import NAMES
from ccta_core.study.table import open_study

MODEL = "e5-small/nli-en"
LANGS = ("en", "zh")
CONFIG = Config(shuffles=4, unrelated=1)


@pytest.fixture(scope="module")
def examples():
    return read_demo("nli")[:4]


@pytest.fixture(scope="module")
def rows(model, examples):
    return measure(model, examples, LANGS, [8, 11], CONFIG)


def request(name="one", **changes):
    settings = {
        "name": name, "data": "demo:nli", "models": [find(MODEL)], "layers": (11,),
        "languages": ("en", "es"), "limit": 12, "config": CONFIG, "chunk": 6,
    }  # fmt: skip
    return runner.Request(**{**settings, **changes})


def quiet(progress):
    del progress


def part_bytes(name):
    folder = folder_of(name)
    return {path.name: path.read_bytes() for path in sorted(folder.glob("parts/*/*.parquet"))}


def test_there_is_a_row_for_every_item_pair_and_layer(rows, examples):
    keys = {(r["item"], r["source_lang"], r["target_lang"], r["layer"]) for r in rows}
    assert len(keys) == len(rows) == len(examples) * 2
    assert all(set(row) == set(NAMES) for row in rows)


def test_a_row_is_what_one_comparison_says(model, rows, examples):
    """EMS and the controls without chance; shuffles have a seed of their own in a study."""
    for row in rows[::3]:
        sides = next(e for e in examples if e.id == row["item"]).sentences
        found = ccta.compare(
            model,
            sides[row["source_lang"]],
            sides[row["target_lang"]],
            Config(layer=row["layer"], shuffles=0, unrelated=0, target_class=row["gold"]),
        )
        assert row["ems"] == pytest.approx(found.ems, abs=2e-3)
        assert row["ems_uniform"] == pytest.approx(found.controls.ems_uniform, abs=1e-6)
        assert row["link_spearman"] == pytest.approx(found.controls.link_spearman, abs=0.05)
        assert row["source_predicted"] == found.source.predicted
        assert row["target_probability"] == pytest.approx(
            found.target.prediction[row["gold"]], abs=1e-5
        )


def test_chance_comes_from_other_groups_with_the_label(model, examples):
    """By hand: the nearest in length of the chunk's items with the label and another premise."""
    own, other = examples[0], examples[3]
    assert own.label == other.label
    assert own.group != other.group
    (row,) = measure(model, [own, other], ("en", "es"), [11], CONFIG)[:1]
    crossed = replace(own, sentences={"en": own.sentences["en"], "es": other.sentences["es"]})
    (direct,) = measure(model, [crossed], ("en", "es"), [11], replace(CONFIG, unrelated=0))
    assert row["ems_unrelated"] == pytest.approx(direct["ems"], abs=2e-3)
    assert direct["ems_unrelated"] is None


def test_a_chunk_without_strangers_has_no_chance_level(model, examples):
    found = measure(model, examples[:2], ("en", "es"), [11], CONFIG)
    assert {row["ems_unrelated"] for row in found} == {None}


def test_differences_scale_with_the_units(rows):
    """n m is 1 for an average word: differences lie near 1, linked ones below re-paired ones."""
    linked = np.mean([row["linked_difference"] for row in rows])
    apart = np.mean([row["unlinked_difference"] for row in rows])
    assert 0 < linked < apart < 2


def words(texts, frequency=None, mass=None):
    texts = tuple(texts.split())
    mass = np.full(len(texts), 1 / len(texts)) if mass is None else np.array(mass)
    return differences.Words(mass, texts, None if frequency is None else np.array(frequency))


def repaired(source, target, links, seed=0):
    found = differences.repaired(source, target, links, np.random.default_rng(seed))
    return found.tolist()


def test_the_other_word_is_the_nearest_in_frequency():
    """By hand: the two common words change places, and so do the two rare ones."""
    source = words("a b c d")
    target = words("e f g h", [-3.0, -9.0, -3.5, -9.2])
    links = [(at, at) for at in range(4)]
    assert repaired(source, target, links) == [2, 3, 0, 1]
    assert repaired(source, target, links, seed=7) == [2, 3, 0, 1]
    crossed = [(0, 3), (1, 2), (3, 1)]  # e is not linked: it is nobody's partner
    assert sorted(repaired(source, target, crossed)) == [1, 2, 3]


def test_a_word_never_keeps_its_own_partner():
    draw = np.random.default_rng(0)
    for count in range(2, 30):
        common = np.round(draw.normal(-8, 3, count))  # with ties
        target = words(" ".join(f"t{at}" for at in range(count)), common)
        source = words(" ".join(f"s{at}" for at in range(count)))
        columns = draw.permutation(count)
        found = repaired(source, target, list(enumerate(columns)))
        assert sorted(found) == list(range(count))
        assert (found != columns).all()


def test_a_word_of_the_same_form_is_no_unlinked_word():
    """Both "la" translate both "the": the one of the other link would be linked words again."""
    links = [(0, 0), (1, 1), (2, 2), (3, 3)]
    target = words("la casa la puerta", [-3.0, -9.0, -3.0, -9.1])
    found = repaired(words("the house the door"), target, links)
    assert [target.texts[at] == "la" for at in found] == [False, True, False, True]
    two = words("la la", [-3.0, -3.0])
    assert repaired(words("the the"), two, links[:2]) == [1, 0]  # nothing else is left


def test_without_frequencies_words_are_paired_at_random():
    source, target = words("a b c d"), words("e f g h")
    links = [(at, at) for at in range(4)]
    turns = {tuple(repaired(source, target, links, seed)) for seed in range(20)}
    assert turns == {(1, 2, 3, 0), (2, 3, 0, 1), (3, 0, 1, 2)}


def test_differences_by_hand():
    source = words("a b c", mass=[0.5, 0.3, 0.2])
    target = words("d e f", [-2.0, -3.0, -9.0], mass=[0.6, 0.2, 0.2])
    found = differences.differences(source, target, [(0, 0), (1, 1)], np.random.default_rng(0))
    assert found["linked_difference"] == pytest.approx(3 * (0.1 + 0.1) / 2)
    assert found["unlinked_difference"] == pytest.approx(3 * (0.3 + 0.3) / 2)
    alone = differences.differences(source, target, [(0, 0)], np.random.default_rng(0))
    assert set(alone.values()) == {None}


def test_a_words_frequency_is_that_of_its_pieces(model):
    sentence = read_demo("nli")[0].sentences["en"]
    encoded, scores = model.encode(sentence), piece_scores(model)
    found = log_frequencies(model, encoded)
    groups = [group for part in encoded.maps for group in part.members]
    assert len(found) == len(groups)
    pieces = [model.tokenizer.convert_ids_to_tokens(int(encoded.ids[at])) for at in groups[-1]]
    known = dict(json.loads(model.tokenizer.backend_tokenizer.to_str())["model"]["vocab"])
    assert found[-1] == pytest.approx(sum(known[piece] for piece in pieces))
    assert piece_scores(model) is scores  # read once
    assert scores[model.tokenizer.unk_token_id] == scores.min()


def test_a_tokenizer_without_scores_has_no_frequencies(tmp_path):
    from ccta_core.models.load import load_model
    from tests.families import build

    for family in ("bert", "roberta"):
        tiny = load_model(str(build(tmp_path / family, family, "classification")))
        encoded = tiny.encode(read_demo("nli")[0].sentences["en"])
        assert log_frequencies(tiny, encoded) is None
    unigram = load_model(str(build(tmp_path / "xlm-r", "xlm-r", "classification")))
    assert len(piece_scores(unigram)) > 10


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study that was run once, undisturbed: its cache folder."""
    root = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCTA_CACHE", str(root))
        runner.create(request())
        runner.run("one", report=quiet)
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
    assert done.sql("SELECT count(*) FROM pairs").fetchall() == [(12,)]


def test_workers_change_nothing(whole, tmp_path, monkeypatch):
    monkeypatch.setenv("CCTA_CACHE", str(whole))
    expected = part_bytes("one")
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    runner.create(request())
    runner.run("one", workers=2, report=quiet)
    assert part_bytes("one") == expected


def test_a_killed_study_goes_on_and_ends_the_same(whole, tmp_path, monkeypatch):
    monkeypatch.setenv("CCTA_CACHE", str(whole))
    expected = part_bytes("one")
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    plan = runner.create(request())
    code = "from ccta_core.study import runner; runner.run('one')"
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
    left = missing_parts(folder, plan)
    assert first.exists()
    runner.run("one", report=quiet)
    assert left  # it was killed in the middle
    assert part_bytes("one") == expected


def test_a_damaged_part_is_set_aside_and_made_again(whole, tmp_path, monkeypatch):
    import shutil

    shutil.copytree(whole / "studies", tmp_path / "studies")
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    expected, path = part_bytes("one"), part_path(folder_of("one"), MODEL, 1)
    path.write_bytes(path.read_bytes()[:-100])
    runner.run("one", report=quiet)
    assert path.with_suffix(".damaged").exists()
    assert part_bytes("one") == expected


def test_a_finished_study_is_not_run_again(done):
    lines = []
    assert runner.run("one", report=lines.append).name == "one"
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
        runner.create(request(**changes))
    assert line in str(caught.value)
    assert "choose another name" in str(caught.value)


def test_a_study_grows_by_models_and_items(whole, tmp_path, monkeypatch):
    import shutil

    shutil.copytree(whole / "studies", tmp_path / "studies")
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    before = part_bytes("one")
    other = find("e5-small/nli-xnli-es")
    models = [find(MODEL), other]
    plan = runner.create(request(models=models, limit=18), extend=True)
    assert missing_parts(folder_of("one"), plan) == [(MODEL, 2), *((other.id, n) for n in range(3))]
    assert {name: part_bytes("one")[name] for name in before} == before
    with pytest.raises(CctaError, match="has e5-small/nli-xnli-es too"):
        runner.create(request(limit=18), extend=True)
    with pytest.raises(CctaError, match="only a study of full chunks"):
        runner.create(request(models=models, limit=12), extend=True)
    with pytest.raises(CctaError, match="layers"):
        runner.create(request(models=models, limit=18, layers=(10,)), extend=True)


def test_two_runs_at_once_are_refused(done):
    with runner._alone(done.folder):
        assert runner.running("one")
        with pytest.raises(CctaError, match="running already"):
            runner.run("one", report=quiet)
    assert not runner.running("one")


def test_a_study_stops_when_asked(tmp_path):
    runner.create(request("stopped"))

    def ask(progress):
        if progress.done == 0:
            runner.cancel("stopped")

    with pytest.raises(StoppedError, match="resume goes on"):
        runner.run("stopped", report=ask)
    assert not runner.running("stopped")


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
            read_plan(done.folder)
        path.write_text(kept[:100])
        with pytest.raises(DamagedFileError, match="can't be read"):
            open_study("one")
    finally:
        path.write_text(kept)


def test_items_a_model_was_trained_on_are_refused(done):
    """The series is trained on XNLI test: a corpus that calls itself so is refused."""
    corpus = replace(read_corpus("demo:nli", ["en", "es"]), source="xnli", split="test")
    info = find("e5-small/nli-xnli-es")
    with pytest.raises(CctaError, match="--allow-overlap"):
        planned("x", "xnli#test", corpus, [info], [8], CONFIG)
    assert planned("x", "xnli#test", corpus, [info], [8], CONFIG, allow_overlap=True).items == 60
    other = replace(corpus, split="dev")
    assert planned("x", "xnli#dev", other, [info], [8], CONFIG).items == 60


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
    runner.create(request("empty"))
    with pytest.raises(CctaError, match="no finished part"):
        open_study("empty").table()


def test_the_page_of_columns_is_made_from_the_code():
    from pathlib import Path

    from ccta_core.study import schema_page

    written = Path(schema_page.__file__).parents[2] / "docs" / "schema.md"
    assert written.read_text("utf-8") == schema_page.page()
