"""A study's rows asked over one connection: right whatever happens to its parts and its files."""

import json
import multiprocessing
import os
import re
import resource
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from ccta_core.config import cache_root
from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.study.manifest import read_manifest
from ccta_core.study.storage import table, table_files
from ccta_core.study.storage.schema import NAMES
from ccta_core.study.storage.table import Study, other_side
from ccta_core.study.storage.table_files import compact, tables_of
from tests.made_study import made_study

ORDER = ["model", "layer", "item", "source_lang", "target_lang"]
EVERY = f"SELECT * FROM rows ORDER BY {', '.join(ORDER)}"


@pytest.fixture
def study(tmp_path) -> Study:
    return made_study(tmp_path, items=9, langs=("ar", "en", "hi"))


def reopened(study: Study) -> Study:
    return Study(study.folder, read_manifest(study.folder))


def part_of(study: Study, model: str) -> Path:
    return study.folder / "parts" / f"made~{model}" / "00000.parquet"


def changed_part(study: Study, model: str) -> None:
    """The part with every EMS halved, as a run under other settings might have it."""
    path = part_of(study, model)
    rows = pq.read_table(path, partitioning=None).to_pandas()
    rows["ems"] /= 2
    schema = pq.read_schema(path)
    rows.to_parquet(path, schema=schema)


def wanted_rows(study: Study) -> pd.DataFrame:
    """What `rows` should hold, in pandas from the parts as they are on disk now."""
    paths = sorted(study.folder.glob("parts/*/*.parquet"))
    pairs = pd.concat([pq.read_table(path, partitioning=None).to_pandas() for path in paths])
    names = [name for name in NAMES if name != "ems_unrelated_back"]
    back = pd.DataFrame({name: pairs[other_side(name)] for name in names})
    rows = pd.concat([pairs[names], back], ignore_index=True)
    chance = rows.groupby(["model", "layer", "source_lang", "target_lang"])["ems_unrelated"]
    level = chance.transform("mean")
    rows["calibrated"] = ((rows["ems"] - level) / (1 - level)).where(1 - level >= 0.05)
    models = {model["id"]: model for model in study.manifest.models}
    for name in ("task", "training_language", "seed"):
        rows[name] = [models[model][name] for model in rows["model"]]
    rows["seed"] = rows["seed"].astype("Int64")
    return rows.sort_values(ORDER, ignore_index=True)


def assert_right(study: Study) -> None:
    pd.testing.assert_frame_equal(
        study.query(EVERY), wanted_rows(study), rtol=1e-12, check_dtype=False
    )


def test_rows_are_the_parts_both_ways_with_what_the_model_is(study):
    assert_right(study)
    pairs = study.query(f"SELECT * FROM pairs ORDER BY {', '.join(ORDER)}")
    assert list(pairs.columns) == list(NAMES)
    assert 2 * len(pairs) == len(study.table()) == study.table(arrow=True).num_rows
    models = study.query("SELECT model, training_language FROM models ORDER BY model")
    assert models.to_dict("list") == {"model": ["made/en", "made/es"],
                                      "training_language": ["en", "es"]}  # fmt: skip


def test_an_answer_comes_as_frame_batches_or_records(study):
    sql = "SELECT item, ems, NULL AS nothing FROM rows WHERE item = ? AND source_lang = ? LIMIT 5"
    parameters = ["ferry-c", "en"]
    frame = study.query(sql, parameters)
    records = list(study.records(sql, parameters))
    assert [row["ems"] for row in records] == frame["ems"].tolist()
    assert records[0]["nothing"] is None
    sizes = [batch.num_rows for batch in study.batches("SELECT * FROM rows", size=50)]
    assert sum(sizes) == len(study.table())
    assert len(sizes) > 1
    assert study.query("SELECT ? AS x", ["'; DROP TABLE models"])["x"][0] == "'; DROP TABLE models"


def test_the_files_are_made_once_a_model_and_read_again(study):
    files = compact(study.source)
    assert [path.name.split("-")[0] for path in files] == ["made~en", "made~es"]
    made = [path.stat().st_ino for path in files]
    study.query(EVERY)
    assert [path.stat().st_ino for path in compact(reopened(study).source)] == made
    assert tables_of("made") == sorted(files)


def test_a_model_that_is_added_leaves_the_files_of_the_others(study):
    part_of(study, "es").rename(study.folder / "later")
    before = reopened(study)
    (first,) = compact(before.source)
    assert_right(before)
    (study.folder / "later").rename(part_of(study, "es"))
    assert before.query("SELECT DISTINCT model FROM rows")["model"].tolist() == ["made/en"]
    after = reopened(study)
    assert after.stamp != before.stamp
    assert first in compact(after.source)
    assert_right(after)


def test_the_stamp_follows_the_plan_and_the_parts(study):
    stamps = {study.stamp, reopened(study).stamp}
    assert len(stamps) == 1
    os.utime(part_of(study, "es"), (1, 1))
    stamps.add(reopened(study).stamp)
    part_of(study, "es").unlink()
    stamps.add(reopened(study).stamp)
    stamps.add(Study(study.folder, replace(study.manifest, licence="another")).stamp)
    assert len(stamps) == 4


def test_a_study_begun_anew_under_its_name_gives_its_own_rows(study):
    """Same path, same size, same time: only the manifest tells, and it is asked."""
    assert_right(study)
    times = part_of(study, "en").stat()
    changed_part(study, "en")
    os.utime(part_of(study, "en"), ns=(times.st_atime_ns, times.st_mtime_ns))
    manifest = study.folder / "manifest.json"
    facts = json.loads(manifest.read_text("utf-8"))
    manifest.write_text(json.dumps(facts | {"fingerprint": "another"}), "utf-8")
    old = study.query("SELECT max(ems) AS m FROM rows WHERE model = 'made/en'")["m"][0]
    new = reopened(study)
    assert_right(new)
    assert new.query("SELECT max(ems) AS m FROM rows WHERE model = 'made/en'")["m"][0] < old


def test_a_part_of_another_run_is_not_taken_for_the_one_that_was_seen(study):
    assert study.stamp  # the parts are looked at, none is read
    changed_part(study, "en")
    with pytest.raises(CctaError, match="has changed since it was opened; open it again"):
        study.table()
    assert_right(reopened(study))
    shutil.rmtree(cache_root() / "tables")
    table._slots.clear()
    old = reopened(study)
    assert old.stamp
    part_of(study, "es").unlink()
    with pytest.raises(CctaError, match="open it again"):
        old.table()
    another = reopened(study)
    facts = json.loads((study.folder / "manifest.json").read_text("utf-8"))
    (study.folder / "manifest.json").write_text(json.dumps(facts | {"split": "x"}), "utf-8")
    with pytest.raises(CctaError, match="open it again"):
        another.table()


def test_a_study_that_is_deleted_is_still_answered_and_then_gone(study):
    rows = study.table()
    shutil.rmtree(study.folder)
    pd.testing.assert_frame_equal(study.table(), rows)
    table._slots.clear()
    with pytest.raises(CctaError):
        study.table()


def test_without_a_finished_part_there_is_nothing_to_ask(study):
    shutil.rmtree(study.folder / "parts")
    with pytest.raises(CctaError, match="no finished part yet"):
        reopened(study).table()


DAMAGE = {
    "empty": lambda content: b"",
    "text": lambda content: b"no table at all",
    "half": lambda content: content[: len(content) // 2],
    "one bit": lambda content: content[:5000] + bytes([content[5000] ^ 1]) + content[5001:],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_made_again(study, damage):
    files = compact(study.source)
    files[0].write_bytes(damage(files[0].read_bytes()))
    assert_right(study)
    assert compact(study.source) == files


@pytest.mark.parametrize("damage", [DAMAGE["half"], None], ids=["half", "gone"])
def test_a_file_lost_while_it_is_read_is_made_again_for_every_thread(study, damage):
    assert_right(study)
    for path in compact(study.source):
        if damage:
            path.write_bytes(damage(path.read_bytes()))
        else:
            path.unlink()
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: study.query(EVERY), range(8)))
    for answer in answers:
        pd.testing.assert_frame_equal(answer, wanted_rows(study), rtol=1e-12, check_dtype=False)


@pytest.mark.parametrize("place", [30, 0.3, 0.6, -20])
def test_a_bit_that_flips_in_a_part_is_one_line_and_no_number(study, place):
    """DuckDB alone would read on and give another number.

    Where pages lie in the file depends on what wrote it: no checksum covers the description behind
    them, whose bits are noticed or change no row.
    """
    path = part_of(study, "en")
    before = reopened(study).table()
    shutil.rmtree(cache_root() / "tables", ignore_errors=True)
    content = bytearray(path.read_bytes())
    content[int(place * len(content)) if isinstance(place, float) else place] ^= 4
    path.write_bytes(content)
    line = ""
    try:
        after = reopened(study).table()
    except DamagedFileError as error:
        line = str(error)
    if line or place != 0.6:
        assert re.search(r"00000.parquet can't be read.*study resume made", line)
        assert not list(cache_root().glob("tables/made/made~en*"))
    else:
        pd.testing.assert_frame_equal(after, before)


def test_a_wrong_question_is_not_taken_for_damage(study):
    files = compact(study.source)
    made = [path.stat().st_ino for path in files]
    for sql in ("SELECT nothing FROM rows", "SELEC", "SELECT ? FROM rows"):
        with pytest.raises((duckdb.Error, CctaError)):
            study.query(sql)
    assert [path.stat().st_ino for path in files] == made
    assert_right(study)


def test_a_question_too_large_for_its_memory_is_one_line(study, monkeypatch):
    monkeypatch.setattr(table_files, "_MEMORY", "12MB")
    with pytest.raises(CctaError, match=r"needs more memory|copied \(Out of Memory") as caught:
        study.query("SELECT list(a.item || b.item || c.item) AS x FROM rows a, rows b, rows c")
    assert "\n" not in str(caught.value)


def test_a_cache_that_takes_nothing_costs_only_the_keeping(study):
    cache_root().mkdir(parents=True, exist_ok=True)
    (cache_root() / "tables").write_text("a file where the folder should be")
    assert_right(study)
    assert tables_of("made") == []


def test_a_full_disk_is_one_line_and_leaves_nothing(study):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(CctaError, match=r"table of made can't be written.*make room") as caught:
            study.table()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(caught.value)
    assert list((cache_root() / "tables" / "made").iterdir()) == []
    assert_right(study)


def test_what_is_of_earlier_states_goes_when_nobody_reads_it(study):
    compact(study.source)
    folder = cache_root() / "tables" / "made"
    (folder / ".made~en-1-x.tmp").write_bytes(b"of a process that was killed")
    os.utime(part_of(study, "en"), (1, 1))
    files = compact(reopened(study).source)
    assert len(list(folder.iterdir())) == 4  # somebody may still be reading the earlier one
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    assert compact(reopened(study).source) == files
    assert sorted(folder.iterdir()) == sorted(files)


def test_a_process_holds_the_last_few_studies(tmp_path):
    many = [made_study(tmp_path, name=f"s{n}", items=3, langs=("en", "hi")) for n in range(6)]
    for study in many:
        study.table()
    assert list(table._slots) == [(study.folder, study.stamp) for study in many[-table._HELD :]]
    assert_right(many[0])


def test_an_answer_is_the_same_to_the_last_bit_and_in_the_order_of_the_parts(study):
    sql = "SELECT avg(ems) AS a, sum(gain) AS b, stddev(z) AS c FROM rows"
    first, rows = study.query(sql), study.table()
    table._slots.clear()
    shutil.rmtree(cache_root() / "tables")
    again = reopened(study)
    pd.testing.assert_frame_equal(again.query(sql), first, check_exact=True)
    pd.testing.assert_frame_equal(again.table(), rows, check_exact=True)
    paths = sorted(study.folder.glob("parts/*/*.parquet"))
    stored = [item for path in paths for item in pq.read_table(path)["item"].to_pylist()]
    assert rows["item"].tolist() == stored * 2


def test_threads_ask_at_once_while_a_study_is_opened(study):
    start = threading.Barrier(6)

    def ask(number: int) -> float:
        start.wait()
        return study.query("SELECT avg(ems) + ? AS a FROM rows", [number])["a"][0] - number

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(ask, range(6)))
    assert max(answers) - min(answers) < 1e-12
    assert len(tables_of("made")) == 2


def ask_apart(folder: str, cache: str, answers) -> None:
    os.environ["CCTA_CACHE"] = cache
    place = Path(folder)
    rows = Study(place, read_manifest(place)).query(EVERY)
    answers.put((len(rows), float(rows["calibrated"].sum())))


def test_several_processes_open_it_at_once(study, tmp_path, monkeypatch):
    cache = tmp_path / "together"
    monkeypatch.setenv("CCTA_CACHE", str(cache))
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    workers = [
        context.Process(target=ask_apart, args=(str(study.folder), str(cache), answers))
        for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    found = [answers.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    expected = study.table()
    for count, total in found:
        assert count == len(expected)
        assert total == pytest.approx(expected["calibrated"].sum())
    assert len(tables_of("made")) == 2
