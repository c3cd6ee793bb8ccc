"""Tags and notes: what is kept, what is refused, what happens to a file that is damaged."""

import multiprocessing
import os
import sqlite3
from pathlib import Path

import pytest

from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.store import notes
from ccta_core.store.notes import Remark


def file() -> Path:
    return cache_root() / "notes.sqlite"


def test_nothing_is_made_by_looking():
    assert notes.remarks("made") == {}
    assert notes.tags("made") == {}
    assert not file().exists()


def test_what_is_kept_comes_back_by_study():
    notes.add_tag("made", "a", "  wrong   translation ")
    notes.add_tag("made", "a", "wrong translation")
    notes.add_tag("made", "a", "ünklar")
    notes.add_tag("made", "b", "ünklar")
    notes.set_note("made", "b", "Says 'left'.\r\nThe other says 'stayed'. ")
    notes.add_tag("other", "a", "elsewhere")
    assert notes.remarks("made") == {
        "a": Remark(("wrong translation", "ünklar"), ""),
        "b": Remark(("ünklar",), "Says 'left'.\nThe other says 'stayed'."),
    }
    assert notes.tags("made") == {"wrong translation": 1, "ünklar": 2}
    notes.remove_tag("made", "a", "ünklar")
    notes.remove_tag("made", "a", "was never there")
    notes.set_note("made", "b", " \n")
    assert notes.remarks("made") == {
        "a": Remark(("wrong translation",)),
        "b": Remark(("ünklar",)),
    }


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE tags; --", "<script>1</script>", "עברית", "a\u0301", "x\x00y\ud800z"]
)
def test_odd_texts_are_kept_as_text(text):
    notes.add_tag("made", text.replace("\ud800", ""), text)
    notes.set_note("made", "note", text)
    found = notes.remarks("made")
    assert found["note"].note in (text, "á", "xyz")
    assert len(notes.tags("made")) == 1


@pytest.mark.parametrize("tag", ["", "  ", "a,b", "x" * 41, "\x07"])
def test_a_tag_that_is_none_is_refused(tag):
    with pytest.raises(CctaError, match="a tag is 1 to 40 characters"):
        notes.add_tag("made", "a", tag)


def test_a_note_has_an_end():
    with pytest.raises(CctaError, match="at most 4000"):
        notes.set_note("made", "a", "x" * 4001)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"this is no database at all, it is a text" * 50,
        lambda content: content[:100] + b"\xff" * (len(content) - 100),
        lambda content: content[: len(content) // 2],
    ],
    ids=["text", "garbage", "half"],
)
def test_a_damaged_file_is_set_aside(damage, caplog):
    notes.add_tag("made", "a", "lost")
    for ending in ("-wal", "-shm"):
        assert not file().with_name(file().name + ending).exists()
    damaged = damage(file().read_bytes())
    file().write_bytes(damaged)
    assert notes.remarks("made") == {}
    notes.add_tag("made", "a", "kept")
    assert notes.remarks("made") == {"a": Remark(("kept",))}
    (aside,) = file().parent.glob("notes.damaged-*.sqlite")
    assert aside.read_bytes() == damaged
    assert "set aside" in caplog.text


def test_an_empty_file_is_a_new_one():
    file().parent.mkdir(parents=True, exist_ok=True)
    file().touch()
    assert notes.remarks("made") == {}
    notes.add_tag("made", "a", "kept")
    assert notes.tags("made") == {"kept": 1}


def test_a_kept_set_never_changes():
    assert notes.keep_set("made", " low  EMS ", ["b", "a"]) == "low EMS"
    assert notes.keep_set("made", "low EMS", ["a", "b"]) == "low EMS"
    assert notes.item_set("made", "low EMS") == ("b", "a")
    with pytest.raises(CctaError, match="another name"):
        notes.keep_set("made", "low EMS", ["c"])
    assert notes.set_names("made") == ["low EMS"]
    assert notes.set_names("other") == []
    notes.delete_set("made", "low EMS")
    assert notes.item_set("made", "low EMS") is None


def test_a_file_of_an_earlier_version_gets_its_sets():
    notes.add_tag("made", "a", "kept")
    with sqlite3.connect(file()) as connection:
        connection.execute("DROP TABLE sets")
    notes.keep_set("made", "few", ["a"])
    assert notes.item_set("made", "few") == ("a",)
    assert notes.tags("made") == {"kept": 1}


def test_many_items_are_tagged_in_one_go():
    notes.tag_items("made", ["a", "b", "a"], "odd")
    assert notes.tags("made") == {"odd": 2}


def test_a_place_that_takes_nothing_is_one_line(tmp_path, monkeypatch):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    monkeypatch.setenv("CCTA_CACHE", str(blocked))
    assert notes.remarks("made") == {}
    with pytest.raises(CctaError, match="set CCTA_CACHE") as caught:
        notes.add_tag("made", "a", "tag")
    assert "\n" not in str(caught.value)


def test_a_read_only_file_is_read_and_not_written(monkeypatch):
    notes.add_tag("made", "a", "kept")
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3,
        "connect",
        lambda path, **options: connect(f"file:{path}?mode=ro&immutable=1", uri=True, **options),
    )
    assert notes.tags("made") == {"kept": 1}
    with pytest.raises(CctaError, match="can't be kept"):
        notes.add_tag("made", "a", "more")


def write_many(folder: str, name: str) -> None:
    os.environ["CCTA_CACHE"] = folder
    for count in range(40):
        notes.add_tag("made", f"item-{count}", name)
        notes.set_note("made", f"item-{count}", name)


def test_several_processes_write_at_once(tmp_path, monkeypatch):
    folder = tmp_path / "together"
    monkeypatch.setenv("CCTA_CACHE", str(folder))
    context = multiprocessing.get_context("spawn")
    names = ["one", "two", "three"]
    workers = [context.Process(target=write_many, args=(str(folder), name)) for name in names]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert notes.tags("made") == dict.fromkeys(sorted(names), 40)
    found = notes.remarks("made")
    assert len(found) == 40
    assert {remark.note for remark in found.values()} <= set(names)


@pytest.fixture
def locked(monkeypatch):
    """Notes that another program holds."""
    monkeypatch.setattr(notes, "_PATIENCE", 0.05)
    notes.add_tag("made", "a", "kept")
    notes.keep_set("made", "some", ["a"])
    with sqlite3.connect(file()) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        yield
    other.close()


@pytest.mark.parametrize(
    "ask",
    [
        lambda: notes.remarks("made"),
        lambda: notes.tags("made"),
        lambda: notes.set_names("made"),
        lambda: notes.item_set("made", "some"),
        lambda: notes.add_tag("made", "b", "new"),
    ],
)
def test_notes_that_are_locked_are_said_to_be(locked, ask):
    with pytest.raises(
        CctaError, match=r"can't be (read|kept) now: another program holds .*locked"
    ):
        ask()


def test_the_page_says_that_notes_are_locked_and_exports_none(study_page, monkeypatch):
    from tests.made_pair import html_of, said  # not above: processes import this module anew

    open_page = study_page("errors")
    monkeypatch.setattr(notes, "_PATIENCE", 0.05)
    tagged = f"lock test {os.getpid()}"
    item = resources_ids()[0]
    notes.add_tag("made", item, tagged)
    try:
        with sqlite3.connect(file()) as other:
            other.execute("PRAGMA journal_mode = DELETE")
            other.execute("BEGIN EXCLUSIVE")
            app = open_page()
            assert "another program holds" in said(app)
            assert "Not now: the files hold tags and notes" in html_of(app)
            assert not app.get("download_button") or all(
                "download_" not in button.proto.id for button in app.get("download_button")
            )
        other.close()
        assert "another program holds" not in said(open_page())
    finally:
        notes.remove_tag("made", item, tagged)


def resources_ids():
    from dashboard import resources

    return resources.text_ids("made")
