"""A study held open: the built file answers as the views do, whatever happens to the file."""

import multiprocessing
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.study import built
from ccta_core.study import opened as opening
from ccta_core.study.opened import opened, stamp
from ccta_core.study.plan import read_plan
from ccta_core.study.table import Study
from tests.made_study import made_study

QUESTIONS = (
    "SELECT * FROM rows ORDER BY model, layer, item, source_lang, target_lang",
    "SELECT * FROM pairs ORDER BY model, layer, item, source_lang, target_lang",
    "SELECT source_lang, target_lang, avg(calibrated) AS c, count(*) AS n FROM rows GROUP BY ALL "
    "ORDER BY ALL",
    "SELECT training_language, seed, avg(ems) AS e FROM rows GROUP BY ALL ORDER BY ALL",
)


@pytest.fixture
def study(tmp_path) -> Study:
    return made_study(tmp_path, items=9, langs=("ar", "en", "hi"))


def tables() -> list[str]:
    folder = cache_root() / "tables"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def assert_same(found, study):
    for question in QUESTIONS:
        expected = study.sql(question).df()
        pd.testing.assert_frame_equal(found.ask(question), expected, rtol=1e-12)


def test_a_finished_study_is_built_once_and_answers_as_its_views(study):
    first = opened(study)
    assert first.file is not None
    assert tables() == [first.file.name]
    assert_same(first, study)
    made = first.file.stat().st_mtime_ns
    second = opened(study)
    assert (second.file, second.file.stat().st_mtime_ns) == (first.file, made)
    assert_same(second, study)
    assert second.ask("SELECT ? AS x, count(*) AS n FROM rows WHERE item = ?", ["'", "ferry-c"])[
        "n"
    ].tolist() == [24]


def test_a_large_study_is_built_beside_its_questions(study, monkeypatch):
    monkeypatch.setattr(opening, "_AT_ONCE", 0)
    found = opened(study)
    assert found.file is None
    assert_same(found, study)
    found.wait()
    assert found.file is not None
    assert_same(found, study)
    assert tables() == [found.file.name]


def test_an_unfinished_study_is_read_from_its_parts(study):
    (study.folder / "parts" / "made~es" / "00000.parquet").unlink()
    found = opened(study)
    assert found.file is None
    assert tables() == []
    assert found.ask("SELECT DISTINCT model FROM rows")["model"].tolist() == ["made/en"]
    shutil.rmtree(study.folder / "parts")
    with pytest.raises(CctaError, match="no finished part"):
        opened(study)


def test_the_stamp_follows_the_parts(study):
    before = stamp(study)
    assert stamp(study) == before
    part = study.folder / "parts" / "made~es" / "00000.parquet"
    os.utime(part, (1, 1))
    touched = stamp(study)
    part.unlink()
    assert len({before, touched, stamp(study)}) == 3


def test_earlier_tables_of_the_study_go_and_others_stay(study, tmp_path):
    other = made_study(tmp_path / "more", name="made-0123456789abcdef", items=3, langs=("en", "hi"))
    kept = opened(other).file
    first = opened(study).file
    os.utime(study.folder / "parts" / "made~es" / "00000.parquet", (1, 1))
    second = opened(study).file
    assert first != second
    assert tables() == sorted([kept.name, second.name])


DAMAGE = {
    "empty": lambda content: b"",
    "text": lambda content: b"no table at all",
    "half": lambda content: content[: len(content) // 2],
    "garbage in the middle": lambda content: (
        content[: len(content) // 3]
        + b"\xa5" * 4096 * 40
        + content[len(content) // 3 + 4096 * 40 :]
    ),
    "garbage in all blocks": lambda content: content[:12288] + b"\xa5" * (len(content) - 12288),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_built_again(study, damage):
    file = opened(study).file
    content = file.read_bytes()
    file.write_bytes(damage(content))
    found = opened(study)
    assert_same(found, study)
    assert found.file == file
    assert opened(study).file == file


def test_a_file_of_another_study_is_built_again(study):
    file = opened(study).file
    file.unlink()
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE facts AS SELECT 5 AS stored")
        connection.execute("CREATE TABLE pairs AS SELECT 1 AS item")
    assert_same(opened(study), study)


def test_damage_while_it_is_open_is_noticed_and_mended(study):
    found = opened(study)
    file = found.file
    with file.open("r+b") as open_file:
        open_file.seek(12288)
        open_file.write(b"\xa5" * (file.stat().st_size - 12288))
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: found.ask(QUESTIONS[0]), range(8)))
    expected = study.sql(QUESTIONS[0]).df()
    for answer in answers:
        pd.testing.assert_frame_equal(answer, expected, rtol=1e-12)
    assert_same(found, study)


def test_a_place_that_takes_nothing_leaves_the_parts(study, monkeypatch):
    cache_root().mkdir(parents=True, exist_ok=True)
    (cache_root() / "tables").write_text("a file where the folder should be")
    found = opened(study)
    assert found.file is None
    assert_same(found, study)


def test_a_full_disk_leaves_the_parts(study, monkeypatch):
    monkeypatch.setattr(built.shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(9, 9, 0))
    found = opened(study)
    assert found.file is None
    assert tables() == []
    assert_same(found, study)


def test_what_a_stopped_build_left_is_no_hindrance(study):
    file = built.table_file(study)
    place = file.with_name(f".{file.stem}.building")
    place.mkdir(parents=True)
    (place / "table.duckdb").write_bytes(b"half a table")
    assert opened(study).file is None  # another process may be at it
    for path in (place / "table.duckdb", place):
        os.utime(path, (1, 1))
    other = file.with_name(".gone-0123.building")
    other.mkdir()
    os.utime(other, (1, 1))
    assert opened(study).file == file
    assert tables() == [file.name]


def test_a_damaged_part_is_one_line(study):
    (study.folder / "parts" / "made~es" / "00000.parquet").unlink()
    found = opened(study)
    (study.folder / "parts" / "made~en" / "00000.parquet").write_bytes(b"PAR1 no PAR1")
    with pytest.raises(CctaError, match="ccta study resume") as caught:
        found.ask(QUESTIONS[0])
    assert "\n" not in str(caught.value)


def test_a_wrong_question_is_not_taken_for_damage(study):
    found = opened(study)
    for question in ("SELECT nothing FROM rows", "SELEC", "SELECT ? FROM rows"):
        with pytest.raises((duckdb.Error, CctaError)):
            found.ask(question)
    assert found.file.exists()
    assert_same(found, study)


def ask_apart(folder: str, cache: str, answers) -> None:
    os.environ["CCTA_CACHE"] = cache
    place = Path(folder)
    study = Study(place, read_plan(place))
    found = opened(study)
    rows = found.ask(QUESTIONS[0])
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
    assert tables() == [built.table_file(study).name]
