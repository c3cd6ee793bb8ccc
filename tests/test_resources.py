"""What the dashboard keeps is asked for by what it is of, never by a path or a name alone."""

import json
import os
import shutil

import pytest

from ccta_core.config import Config, cache_root
from ccta_core.corpus.demo import read_demo
from ccta_core.corpus.resolve import data_stamp
from ccta_core.corpus.uploads import forget, keep, spec_of
from ccta_core.models.catalog import catalog, find
from ccta_core.space.maps import language_means
from ccta_core.stamps import file_stamp
from ccta_core.store.pairs import find_pair, keep_pair
from ccta_core.study.manifest import read_manifest
from ccta_core.study.request import StudyRequest
from ccta_core.study.run import local, process
from ccta_core.study.storage.parts import write_part
from dashboard import resources
from tests.made_study import made_study

MODEL = "e5-small/nli-en"


def rows(*lines, langs=("en", "es")):
    """Lines of a file of sentences in two languages."""
    return [
        {"id": name, "lang": lang, "text": text, "label": "entailment", "text2": text}
        for name, *texts in lines
        for lang, text in zip(langs, texts, strict=True)
    ]


def write(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def begun(path, lines, **settings):
    """A study of a file in the cache, its texts kept."""
    write(path, lines)
    return local.create(
        StudyRequest(
            name="own",
            data=f"file:{path}",
            models=[MODEL],
            layers=(11,),
            config=Config(),
            **settings,
        )
    )


FIRST = rows(("a", "The ferry left.", "El ferry salió."), ("b", "It rained.", "Llovió."))
SECOND = rows(("a", "The train left.", "El tren salió."), ("b", "It snowed.", "Nevó."))


def test_texts_of_a_study_begun_anew_are_the_new_ones(tmp_path):
    """The same name, the same ids, other texts."""
    begun(tmp_path / "own.jsonl", FIRST)
    assert resources.texts("own", ["a"])["a"].sentences["en"].text == "The ferry left."
    assert resources.text_ids("own") == ("a", "b")
    assert resources.find_places("own", "ferry", ("en",)) == (("en", "a"),)
    shutil.rmtree(cache_root() / "studies" / "own")
    begun(tmp_path / "own.jsonl", SECOND)
    assert resources.texts("own", ["a"])["a"].sentences["en"].text == "The train left."
    assert resources.find_places("own", "ferry", ("en",)) == ()
    shutil.rmtree(cache_root() / "studies" / "own")
    begun(tmp_path / "own.jsonl", rows(("z", "It snowed.", "Nevó.")))
    assert resources.text_ids("own") == ("z",)


def test_texts_read_again_from_data_are_those_of_the_data_now(tmp_path):
    begun(tmp_path / "own.jsonl", FIRST)
    (cache_root() / "studies" / "own" / "items.arrow").unlink()  # as of a study that ships
    assert resources.texts("own", ["a"])["a"].sentences["en"].text == "The ferry left."
    assert resources.find_places("own", "ferry", ("en",)) == (("en", "a"),)
    write(tmp_path / "own.jsonl", SECOND)
    assert resources.texts("own", ["a"])["a"].sentences["en"].text == "The train left."
    assert resources.find_places("own", "ferry", ("en",)) == ()


def test_answers_of_a_study_begun_anew_are_its_own():
    question = "SELECT count(*) AS n FROM pairs"
    old = made_study(cache_root() / "studies", items=6)
    assert resources.read_study("made").query(question)["n"][0] == 6 * 2 * 2 * 15
    assert resources.count_parts(old) == (2, 2)
    process.delete("made")
    new = made_study(cache_root() / "studies", items=3, langs=("en", "es"), trained=("en",))
    assert resources.read_study("made").query(question)["n"][0] == 3 * 2
    assert resources.read_study("made").query(question)["n"][0] == 3 * 2
    assert resources.count_parts(new) == (1, 1)
    # The very same study once more, other rows: only the files tell.
    table = new.table()
    process.delete("made")
    again = made_study(cache_root() / "studies", items=3, langs=("en", "es"), trained=("en",))
    assert read_manifest(again.folder) == new.manifest
    written = again.query("SELECT * FROM pairs").to_dict("records")
    write_part(again.folder, "made/en", 0, [row | {"ems": row["ems"] / 2} for row in written])
    mean = resources.read_study("made").query("SELECT avg(ems) AS ems FROM pairs")["ems"][0]
    assert mean == pytest.approx(table["ems"].mean() / 2)


def test_a_file_that_was_replaced_is_read_anew(tmp_path):
    path = tmp_path / "own.jsonl"
    write(path, FIRST)
    spec = f"file:{path}"
    assert set(resources.data_facts(spec).languages) == {"en", "es"}
    assert resources.corpus(spec, ("en", "es"), None, None).examples[0].id == "a"
    write(path, rows(("z", "The ferry left.", "Die Fähre fuhr."), langs=("en", "de")))
    assert set(resources.data_facts(spec).languages) == {"en", "de"}
    assert resources.corpus(spec, ("en", "de"), None, None).examples[0].id == "z"


def test_a_file_that_was_deleted_is_read_and_kept_anew(monkeypatch):
    reads = []
    monkeypatch.setattr(resources, "keep", lambda *file: reads.append(file) or keep(*file))
    content = "\n".join(json.dumps(row) for row in FIRST).encode()
    contents = resources.receive_upload("own.jsonl", content)
    assert contents.shared == 2
    assert resources.receive_upload("own.jsonl", content) == contents
    assert len(reads) == 1
    place = cache_root() / "data" / contents.name
    assert spec_of(contents.name) == f"file:{place}"
    forget(contents.name)
    assert resources.receive_upload("own.jsonl", content) == contents
    assert place.read_bytes() == content
    assert len(reads) == 2


def test_a_data_set_that_changed_is_counted_anew(tmp_path, monkeypatch):
    monkeypatch.setattr("ccta_core.corpus.resolve.SHARED", tmp_path)
    folder = tmp_path / "pawsx"
    assert data_stamp("pawsx#dev") == data_stamp("pawsx") == ()
    folder.mkdir()
    (folder / "README").write_text("one")
    before = data_stamp("pawsx#dev")
    assert before == data_stamp(f"pawsx:{folder}#test") != ()
    (folder / "README").write_text("two")
    assert data_stamp("pawsx#dev") != before
    assert data_stamp("demo:nli") == data_stamp("none:such") == ()


def test_a_copy_that_keeps_its_time_is_another_file(tmp_path):
    """`cp -p`, rsync and tar keep the time of change: size, inode and its time tell."""
    path, other = tmp_path / "one", tmp_path / "two"
    path.write_text("a")
    other.write_text("b")
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    os.utime(other, ns=times)
    before = file_stamp(path)
    assert before == file_stamp(path)
    other.replace(path)
    assert path.stat().st_mtime_ns == times[1]
    assert file_stamp(path) != before
    path.write_text("c")
    os.utime(path, ns=times)  # written in place, its time put back
    assert file_stamp(path) != before
    assert file_stamp(tmp_path / "none") is None


def test_a_model_replaced_under_its_id_is_read_anew():
    shipped = find(MODEL).folder
    own = cache_root() / "models" / "own" / "nli"
    shutil.copytree(shipped, own)
    before = find("own/nli")
    means = language_means(own)["en"]
    other = find("e5-small/nli-xnli-es").folder
    for name in sorted(path.name for path in own.iterdir()):
        times = (own / name).stat().st_atime_ns, (own / name).stat().st_mtime_ns
        if (other / name).exists():
            shutil.copyfile(other / name, own / name)
            os.utime(own / name, ns=times)
    assert find("own/nli").revision == catalog()["e5-small/nli-xnli-es"].revision != before.revision
    assert (language_means(own)["en"] != means).any()


def test_flows_take_in_what_the_reader_computed(monkeypatch):
    """A comparison that was kept after the page was first shown is among them."""
    info = find(MODEL)
    (item,) = [item for item in read_demo("nli") if item.id == "ferry-c"]
    source, target = item.sentences["en"], item.sentences["es"]
    result = find_pair(info, source, target, Config())
    assert result is not None  # it ships
    from ccta_core.store import pairs

    monkeypatch.setattr(pairs, "SHIPPED", cache_root() / "ships-nothing")
    resources._demo_flows.clear()  # what an earlier test saw of another cache, just as empty
    assert len(resources.flows()) == 0
    assert keep_pair(result, info, source, target, Config()) is None
    assert set(resources.flows()["item"]) == {"ferry-c"}
