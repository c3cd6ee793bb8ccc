"""Parallel text that is handed in for a run: a table, two files of lines, and everything else."""

import json

import pytest

from ccta_core.adjustment.handed_in import HandedIn, forget_parallel, keep_parallel
from ccta_core.adjustment.parallel import read_parallel
from ccta_core.corpus.uploads import spec_of, uploads
from ccta_core.errors import CctaError

ENGLISH = ["The cat is on the roof.", "It was raining, and he had to wait.", "She has the key."]
SPANISH = ["El gato está en el tejado.", "Llovía, y tuvo que esperar.", "Tiene la llave, ella."]


def lines(rows):
    return "".join(f"{row}\n" for row in rows).encode()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "names", [("text.es", "text.en"), ("b.en.txt", "a.es.txt"), ("one.txt", "two.txt")]
)
def test_two_files_of_lines_are_kept_as_one_table(names):
    sides = {"es": SPANISH, "en": ENGLISH}
    order = ["en", "es"] if ".en." in names[0] else ["es", "en"]
    files = [HandedIn(name, lines(sides[side])) for name, side in zip(names, order, strict=True)]
    kept = keep_parallel(files, "es")
    assert kept.pairs == 3
    assert uploads() == [kept.name]
    assert read_parallel((spec_of(kept.name),), "es").pairs == tuple(
        zip(SPANISH, ENGLISH, strict=True)
    )
    assert keep_parallel(files, "es").name == kept.name  # the same text is kept once


def test_a_table_is_kept_as_it_is():
    body = "es,en\n" + "".join(f'"{es}","{en}"\n' for es, en in zip(SPANISH, ENGLISH, strict=True))
    kept = keep_parallel([HandedIn("mine.csv", body.encode())], "es")
    assert kept.pairs == 3
    assert kept.name.startswith("mine-")


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ([], "no file: expected one table"),
        ([HandedIn("a.es", b"x\n")], "a.es: expected one table"),
        ([HandedIn("a.csv", b"en,es\nx,y\n"), HandedIn("b.en", b"x\n")], "a.csv, b.en: expected"),
        ([HandedIn("a.es", lines(SPANISH)), HandedIn("a.en", lines(ENGLISH[:2]))],
         "a.es has 3 lines and a.en has 2"),
        ([HandedIn("a.csv", b"en,de\nThe cat,Die Katze\n")], "a.csv"),
        ([HandedIn("a.csv", b"")], "a.csv is empty"),
        ([HandedIn("a.es", b"\xff\xfe\x00"), HandedIn("a.en", b"x\n")], "a.es"),
    ],
)  # fmt: skip
def test_what_can_not_be_used_is_one_line_and_not_kept(cache, files, word):
    with pytest.raises(CctaError) as error:
        keep_parallel(files, "es")
    assert word in str(error.value)
    assert str(cache) not in str(error.value)
    assert "\n" not in str(error.value)
    assert not uploads()


def test_a_file_that_a_run_still_reads_stays(cache):
    kept = keep_parallel([HandedIn("t.es", lines(SPANISH)), HandedIn("t.en", lines(ENGLISH))], "es")
    folder = cache / "adjusting" / "mine"
    folder.mkdir(parents=True)
    order = {"name": "mine", "lang": "es", "parallel": [spec_of(kept.name)], "pairs": 100}
    (folder / "order.json").write_text(json.dumps(order), "utf-8")
    with pytest.raises(CctaError, match="is read by mine"):
        forget_parallel(kept.name)
    (folder / "order.json").unlink()
    forget_parallel(kept.name)
    assert not uploads()
