"""A read-only installation: whatever keeps, changes, starts or deletes is refused in one line."""

import os
import shlex

import pytest

import ccta_core as ccta
from ccta_core.adjustment import background
from ccta_core.adjustment.background import AdjustmentOrder
from ccta_core.adjustment.handed_in import HandedIn, forget_parallel, keep_parallel
from ccta_core.config import cache_root
from ccta_core.corpus import uploads
from ccta_core.models import added
from ccta_core.permissions import VARIABLE, ReadOnlyError, read_only
from ccta_core.store import notes, usage
from ccta_core.study.request import StudyRequest
from ccta_core.study.run import local, process
from tests.made_study import made_study

REQUEST = StudyRequest(name="new", data="demo:nli", models=("e5-small/nli-en",))
ORDER = AdjustmentOrder("mine", "es", ("opus:nowhere#en-es",), 500, False, True)
CSV = b"id,lang,text\n1,en,a\n1,es,b\n"
ACTIONS = {
    "start a study": lambda: process.start(REQUEST, 1),
    "resume a study": lambda: process.resume("made", 1),
    "stop a study": lambda: process.stop("made"),
    "delete a study": lambda: process.delete("made"),
    "begin a study": lambda: local.create(REQUEST),
    "run a study": lambda: local.run("part"),
    "study from Python": lambda: ccta.run_study(
        name="new", data="demo:nli", models=["e5-small/nli-en"]
    ),
    "hand in a file": lambda: uploads.keep("mine.csv", CSV),
    "forget a file": lambda: uploads.forget("mine.csv"),
    "tag": lambda: notes.add_tag("made", "item", "odd"),
    "take a tag off": lambda: notes.remove_tag("made", "item", "odd"),
    "note": lambda: notes.set_note("made", "item", "text"),
    "clear": lambda: usage.clear("results"),
    "add a model": lambda: added.add("owner/name"),
    "add a model apart": lambda: added.add_apart("owner/name"),
    "take a model off": lambda: added.remove("owner/name"),
    "start an adjustment": lambda: background.start(ORDER),
    "resume an adjustment": lambda: background.resume("mine"),
    "hand in parallel text": lambda: keep_parallel([HandedIn("mine.csv", b"en,es\na,b\n")], "es"),
    "forget parallel text": lambda: forget_parallel("mine.csv"),
    "stop an adjustment": lambda: background.stop("mine"),
    "delete an adjustment": lambda: background.delete("mine"),
}


@pytest.fixture
def two_studies():
    """A finished one, and one of which a part is missing."""
    root = cache_root() / "studies"
    made_study(root, items=3)
    part = made_study(root, name="part", items=3)
    next(part.folder.glob("parts/*/*.parquet")).unlink()


def listing():
    return {path: path.stat().st_size for path in cache_root().rglob("*") if path.is_file()}


@pytest.mark.parametrize("action", ACTIONS)
def test_it_is_refused_in_one_line_and_nothing_changes(two_studies, monkeypatch, action):
    before = listing()
    monkeypatch.setenv(VARIABLE, "1")
    with pytest.raises(ReadOnlyError, match=rf"read-only \({VARIABLE} is set\)") as error:
        ACTIONS[action]()
    assert "\n" not in str(error.value)
    assert {path: size for path, size in listing().items() if path.name != "lock"} == before


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), ("true", True), ("YES", True), ("oui", True), ("", False), ("0", False),
     ("off", False), (" False ", False)],
)  # fmt: skip
def test_only_a_plain_no_turns_it_off(monkeypatch, value, expected):
    monkeypatch.setenv(VARIABLE, value)
    assert read_only() is expected


def test_it_is_off_by_default(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert not read_only()


def test_looking_and_comparing_go_on(two_studies, monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    assert ccta.open_study("made").query("SELECT count(*) AS n FROM rows").n[0] > 0
    assert notes.remarks("made") == {}
    assert usage.usage()
    assert local.run("made").name == "made", "it is finished: nothing is to be written"


def test_the_flag_of_the_dashboard_sets_the_variable(monkeypatch):
    from ccta_core.cli import dashboard
    from ccta_core.cli.main import main

    calls = []
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(dashboard.os, "execv", lambda *words: calls.append(os.environ[VARIABLE]))
    monkeypatch.setattr(dashboard.os, "chdir", lambda folder: None)
    monkeypatch.setattr(dashboard, "_check_free", lambda host, port: None)
    main(shlex.split("dashboard --read-only --port 8599"))
    os.environ.pop(VARIABLE)  # set for the server that this process would have become
    assert calls == ["1"]


def test_pages_show_no_form_and_say_why(study_page, monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    page = study_page("studies")()
    assert not page.exception
    labels = [button.label for button in page.button]
    assert not any(label.startswith(("Start", "Stop", "Resume", "Delete")) for label in labels)
    assert any("for looking and comparing" in str(block.value) for block in page.get("html"))
    page = study_page("errors")(right="any", src="en", tgt="hi", row="en-hi-ferry-n")
    assert not page.exception
    assert not [box for box in page.multiselect if box.label == "Tags of the item"]
    page = study_page("adjust")(runs="true")
    assert not page.exception
    labels = [button.label for button in page.button]
    assert not any(label.startswith(("Start", "Stop", "Resume", "Delete")) for label in labels)
    page = study_page("models")()
    assert not page.exception
    labels = [button.label for button in page.button]
    assert not {"Delete them for good", "Check and add", "Take off the list"} & set(labels)
