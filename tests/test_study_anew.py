"""A study deleted and begun anew under its name, in one process: nothing of the old one is left."""

import json
import pickle
import shutil
from dataclasses import replace

import pytest

import ccta_core as ccta
from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.errors import CctaError
from ccta_core.models.catalog import catalog, find
from ccta_core.study.manifest import folder_of, read_manifest
from ccta_core.study.request import StudyRequest
from ccta_core.study.run import local, process
from ccta_core.study.run.worker import Chunk, measure_part
from ccta_core.study.storage.items import read_items_of
from ccta_core.study.storage.table import open_study
from ccta_core.study.storage.table_files import compact
from tests.made_study import made_study

MODEL = "e5-small/nli-en"
LINES = [("a", "The ferry left late.", "El ferry salió tarde."), ("b", "It rained.", "Llovió."),
         ("c", "The shop is shut.", "La tienda está cerrada.")]  # fmt: skip


def quiet(progress):
    del progress


def measured(**changes):
    """Runs the study "s" in this process: its EMS by item, rounded, and what it is of."""
    settings = {
        "layers": (11,), "languages": ("en", "es"), "limit": 2, "shuffles": 2, "unrelated": 0,
        "space": "centered",
    }  # fmt: skip
    study = ccta.run_study("s", "demo:nli", MODEL, report=quiet, **{**settings, **changes})
    rows = study.query("SELECT source_lang, target_lang, item, ems FROM pairs ORDER BY ALL")
    return study.manifest.config["space"], [
        (*row[:3], round(row[3], 6)) for row in rows.itertuples(index=False, name=None)
    ]


def fresh(**changes):
    """The same in a study of its own that no other came before."""
    shutil.rmtree(ccta_studies(), ignore_errors=True)
    return measured(**changes)


def ccta_studies():
    from ccta_core.config import cache_root

    return cache_root() / "studies"


def request(**changes):
    settings = {
        "name": "s", "data": "demo:nli", "models": [MODEL], "layers": (11,),
        "languages": ("en", "es"), "limit": 2, "chunk": 2,
        "config": Config(shuffles=2, unrelated=0),
    }  # fmt: skip
    return StudyRequest(**{**settings, **changes})


def test_other_settings_under_the_same_name_are_the_ones_measured():
    centred = fresh(space="centered")
    plain = fresh(space="none")
    assert (centred[0], plain[0]) == ("centered", "none")
    # By an independent road: the pair compared alone, in the space the manifest names.
    model = ccta.load_model(MODEL)
    for space, rows in (centred, plain):
        for source, target, item, ems in rows:
            (example,) = [each for each in read_demo("nli") if each.id == item]
            sides = example.sentences
            config = Config(layer=11, space=space, target_class=example.label, shuffles=2)
            alone = ccta.compare(model, sides[source], sides[target], config)
            assert ems == pytest.approx(alone.ems, abs=2e-5)
    assert all(abs(a[3] - b[3]) > 1e-3 for a, b in zip(centred[1], plain[1], strict=True))


def test_other_languages_and_more_items_are_measured_in_the_same_process():
    fresh()
    _, rows = fresh(languages=("en", "zh"))
    assert {row[:2] for row in rows} == {("en", "zh")}
    local.create(request(limit=4, name="grown"))
    local.run("grown", workers=0, report=quiet)
    local.create(request(limit=6, name="grown", models=[MODEL, other_model().id]), extend=True)
    local.run("grown", workers=0, report=quiet)
    assert open_study("grown").done == (6, 6)
    count = "SELECT model, count(*) FROM pairs GROUP BY 1 ORDER BY 1"
    assert open_study("grown").query(count).values.tolist() == [
        [MODEL, 6],
        [other_model().id, 6],
    ]


def other_model():
    return find("e5-small/nli-xnli-es")


def test_a_chunk_carries_its_manifest_and_costs_little():
    manifest = local.create(request())
    chunk = Chunk(folder_of("s"), manifest, MODEL, 0)
    assert pickle.loads(pickle.dumps(chunk)) == chunk
    every = [info.id for info in catalog().values() if info.task == "nli"]
    large = local.draft(request(models=every, limit=2)).manifest
    assert len(pickle.dumps(replace(chunk, manifest=large))) < 20_000
    with pytest.raises(CctaError, match=r"e5-small/none is no model of the study s; it has e5-"):
        measure_part(replace(chunk, model="e5-small/none"))


def own_file(path, lines):
    """A file of NLI in two languages; the study of it is called "own"."""
    rows = [
        {"id": name, "lang": lang, "text": text, "text2": text, "label": "entailment"}
        for name, *texts in lines
        for lang, text in zip(("en", "es"), texts, strict=True)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return request(name="own", data=f"file:{path}", limit=None)


def changed_texts(lines):
    return [("a", "The ferry never left.", lines[0][2]), *lines[1:]]


def swapped(lines):
    return [lines[1], lines[0], *lines[2:]]


@pytest.mark.parametrize(
    ("change", "said"),
    [(changed_texts, r"item 1 \(a\) has another en"), (swapped, r"item 1 \(b\) has another id")],
)
def test_other_texts_under_known_ids_are_another_study(tmp_path, change, said):
    """Ids alone do not tell: rows of the old texts would be called by the new ones' names."""
    path = tmp_path / "own.jsonl"
    local.create(own_file(path, LINES))
    assert local.create(own_file(path, LINES)).items == 3  # the same is the same
    wanted = own_file(path, change(LINES))
    with pytest.raises(CctaError, match=said) as caught:
        local.create(wanted)
    assert "\n" not in str(caught.value)
    grown = own_file(path, [*change(LINES[:2]), ("d", "It is late.", "Es tarde.")])
    shutil.rmtree(folder_of("own"))
    local.create(own_file(path, LINES[:2]))
    own_file(path, [*change(LINES[:2]), ("d", "It is late.", "Es tarde.")])
    with pytest.raises(CctaError, match=said):
        local.create(grown, extend=True)
    own_file(path, [*LINES[:2], ("d", "It is late.", "Es tarde.")])
    assert local.create(grown, extend=True).items == 3


def test_lost_items_are_written_anew(tmp_path):
    wanted = own_file(tmp_path / "own.jsonl", LINES)
    local.create(wanted)
    before = read_items_of(folder_of("own"), 0, 3)
    (folder_of("own") / "items.arrow").write_bytes(b"torn")
    local.create(wanted)
    assert read_items_of(folder_of("own"), 0, 3) == before


def test_rows_without_a_manifest_are_nobodys():
    study = made_study(ccta_studies(), name="s", items=3)
    (study.folder / "manifest.json").unlink()
    with pytest.raises(CctaError, match=r"rows of a study whose manifest.json is gone") as caught:
        local.create(request())
    assert "\n" not in str(caught.value)
    assert not (study.folder / "manifest.json").exists()


def test_a_table_of_the_study_before_is_not_read_and_goes_with_it():
    old = made_study(ccta_studies(), items=6)
    places = compact(old.source)
    assert all(place.exists() for place in places)
    process.delete("made")
    assert not any(place.exists() for place in places)
    new = made_study(ccta_studies(), items=6)
    assert read_manifest(new.folder) == old.manifest  # the same study: only its rows are new files
    assert not {*compact(new.source)} & {*places}
