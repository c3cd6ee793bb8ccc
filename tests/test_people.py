"""What is whose: of two people and an administrator, only the last reaches what is another's."""

import asyncio
import shlex
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ccta_core.adjustment import background
from ccta_core.adjustment.background import AdjustmentOrder
from ccta_core.adjustment.parallel import read_parallel
from ccta_core.config import cache_root
from ccta_core.corpus import uploads
from ccta_core.corpus.spec import scan
from ccta_core.errors import CctaError
from ccta_core.models import added
from ccta_core.permissions import (
    ADMINISTRATORS,
    LOCAL,
    VARIABLE,
    NotYoursError,
    Person,
    acting_for,
    claim,
    for_this_person,
)
from ccta_core.store import notes, usage
from ccta_core.study.manifest import names
from ccta_core.study.request import StudyRequest
from ccta_core.study.run import process
from ccta_core.study.run.status import statuses
from ccta_core.study.storage.table import open_study
from dashboard import guard, visitors
from tests.made_study import made_study

ANNA, BORIS = Person("token-of-anna"), Person("boris@example.org", login=True)
CSV = b"id,lang,text\n1,en,a\n1,es,b\n"
REQUEST = StudyRequest(name="mine", data="demo:nli", models=("e5-small/nli-en",))


@pytest.fixture
def kept(monkeypatch):
    """The name of a file that Anna handed in."""
    with acting_for(ANNA):
        return uploads.keep_read("anna.csv", CSV)


def test_a_file_is_its_owners(kept):
    with acting_for(ANNA):
        assert uploads.uploads() == [kept]
        spec = uploads.spec_of(kept)
        assert scan(spec).languages == ("en", "es")
    for other in (BORIS, Person(ANNA.name, login=True), Person(ANNA.key)):
        with acting_for(other):
            assert uploads.uploads() == []
            for name in (kept, f"{ANNA.key}/{kept}", f"../{ANNA.key}/data/{kept}"):
                with pytest.raises(CctaError, match="no file"):
                    uploads.spec_of(name)
                uploads.forget(name)
            with pytest.raises(NotYoursError, match="is not among the data"):
                scan(spec)  # its path, guessed
            with pytest.raises(NotYoursError, match="is not among the data"):
                read_parallel((spec,), "es")
            with pytest.raises(NotYoursError, match="is not among the data"):
                process.start(replace(REQUEST, data=spec), 1)
    with acting_for(ANNA):
        assert uploads.uploads() == [kept]


def test_an_administrator_sees_and_deletes_all(kept, monkeypatch):
    monkeypatch.setenv(ADMINISTRATORS, f" root@example.org , {BORIS.name}")
    with acting_for(BORIS):
        (name,) = uploads.uploads()
        assert name == f"{ANNA.key}/{kept}"
        assert scan(uploads.spec_of(name)).languages == ("en", "es")
        uploads.forget(name)
    with acting_for(ANNA):
        assert uploads.uploads() == []
    with acting_for(Person(BORIS.name)):  # a browser that only calls itself so
        assert not Person(BORIS.name).administrator


def test_tags_and_notes_are_their_owners():
    with acting_for(ANNA):
        notes.add_tag("made", "item", "odd")
        notes.set_note("made", "item", "mine")
    with acting_for(BORIS):
        assert notes.remarks("made") == {}
        notes.set_note("made", "item", "")
    assert notes.remarks("made") == {}  # nor the local person's
    with acting_for(ANNA):
        assert notes.remarks("made")["item"].note == "mine"


def test_what_was_kept_before_stays_the_local_persons():
    name = uploads.keep_read("old.csv", CSV)
    assert uploads.spec_of(name) == f"file:{cache_root() / 'data' / name}"
    notes.set_note("made", "item", "old")
    assert (cache_root() / "notes.sqlite").exists()
    assert LOCAL.administrator
    with acting_for(ANNA):
        assert uploads.uploads() == []


def test_a_study_is_its_owners(nothing_ships):
    root = cache_root() / "studies"
    made_study(root, name="everyones", items=3)
    study = made_study(root, name="mine", items=3)
    (study.folder / "log.txt").write_text("== begun\n", "utf-8")
    with acting_for(ANNA):
        claim(study.folder)
        assert names() == ["everyones", "mine"]
        with pytest.raises(NotYoursError, match="Deleting everyones is for administrators"):
            process.delete("everyones")
    with acting_for(BORIS):
        assert names() == [state.name for state in statuses()] == ["everyones"]
        assert open_study("everyones").manifest.name == "everyones"
        for action in (
            open_study,
            process.stop,
            process.delete,
            lambda name: process.resume(name, 1),
        ):
            with pytest.raises(CctaError, match="no study 'mine' here; there are: everyones"):
                action("mine")
        assert process.log_tail("everyones") == ""
        with pytest.raises(CctaError, match="stands for another study"):
            process.start(REQUEST, 1)
    with acting_for(ANNA):
        later = for_this_person(lambda: open_study("mine").manifest.name)
    with acting_for(BORIS):
        assert later() == "mine"  # a file that Anna's page offered
        assert names() == ["everyones"]
    with acting_for(ANNA):
        process.delete("mine")
        assert names() == ["everyones"]


def test_an_adjustment_is_its_owners(kept, monkeypatch):
    monkeypatch.setattr(background, "_launch", lambda order: None)
    with acting_for(ANNA):
        order = AdjustmentOrder("mine", "es", (uploads.spec_of(kept),), 500, False, True)
        background.start(order)
        assert [state.order.name for state in background.orders()] == ["mine"]
    with acting_for(BORIS):
        assert background.orders() == []
        for action in (background.state_of, background.stop, background.delete, background.resume):
            with pytest.raises(CctaError, match="no order 'mine'"):
                action("mine")
        with pytest.raises(NotYoursError, match="is not among the data"):
            background.start(replace(order, name="other"))


ADMINISTRATORS_ONLY = {
    "clearing": lambda: usage.clear("results"),
    "adding": lambda: added.add("owner/name"),
    "adding apart": lambda: added.add_apart("/etc"),
    "removing": lambda: added.remove("owner/name"),
}


@pytest.mark.parametrize("action", ADMINISTRATORS_ONLY.values(), ids=list(ADMINISTRATORS_ONLY))
def test_the_rest_is_for_administrators(action):
    with acting_for(BORIS), pytest.raises(NotYoursError, match="is for administrators here"):
        action()


PATHS = ["file:/etc/passwd", "file:/no/such", "xnli:/etc#test", "/etc/passwd,/etc/group", "file:",
         "opus:~root#en-es", "file:" + "a" * 5000, "xnli:owner/name#test", "file:\0"]  # fmt: skip


@pytest.mark.parametrize("spec", PATHS)
def test_a_path_tells_nothing_of_what_is_there(spec):
    with acting_for(BORIS):
        for read in (scan, lambda spec: read_parallel((spec,), "es")):
            with pytest.raises(NotYoursError) as caught:
                read(spec)
            shown = f"{spec[:80]!r} is not among the data that can be read here"
            assert str(caught.value).startswith(" ".join(shown.split()))
    with acting_for(BORIS):
        assert scan("demo:nli").languages


@pytest.mark.parametrize(
    ("host", "origin", "answered"),
    [
        ("localhost:8501", None, True),
        ("127.0.0.1:8501", "http://127.0.0.1:8501", True),
        ("[::1]:8501", "http://[::1]:8501", True),
        ("192.168.1.7:8501", "http://192.168.1.7:8501", True),
        ("explorer.example.org", "https://explorer.example.org", True),
        ("127.0.0.1:8501", "https://explorer.example.org", True),  # a proxy that says its own name
        ("evil.example", "http://evil.example", False),  # a name that points here
        ("localhost.evil.example", None, False),
        ("localhost:8501", "http://evil.example", False),
        ("localhost:8501", "http://localhost:3000", False),
        ("localhost:8501", "null", False),
        ("", None, False),
        ("a@localhost:8501:x", None, False),
    ],
)
def test_foreign_hosts_and_origins_are_not_answered(monkeypatch, host, origin, answered):
    monkeypatch.setenv(guard.HOSTS, "explorer.example.org")
    assert (guard.refusal(host, origin) is None) is answered


def visitor_of(headers, client="10.0.0.2"):
    """What the guard tells the pages for a request."""
    told = []

    async def app(scope, receive, send):
        told.extend(value for name, value in scope["headers"] if name == guard.VISITOR.encode())

    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "client": (client, 1), "headers": [(b"host", b"localhost"), *raw]}
    # In a thread of its own: a browser of an earlier test keeps this one's event loop running.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, guard.Guard(app)(scope, None, None)).result()
    return [each.decode() for each in told]


def test_a_login_header_is_believed_of_the_named_proxy_only(monkeypatch):
    token = "t" * 43
    named = [("X-Forwarded-User", "boris"), ("cookie", f"a=b; {guard.COOKIE}={token}")]
    assert visitor_of(named) == [f"browser {token}"]
    monkeypatch.setenv(guard.LOGIN_HEADER, "X-Forwarded-User")
    monkeypatch.setenv(guard.LOGIN_PROXIES, "10.0.0.2, 10.0.0.3")
    assert visitor_of(named) == [f"browser {token}"]  # uvicorn would still believe X-Forwarded-For
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "")
    assert visitor_of(named) == ["login boris"]
    assert visitor_of(named, client="10.0.0.9") == [f"browser {token}"]
    assert visitor_of([*named, ("X-Forwarded-User", "anna")]) == [f"browser {token}"]
    assert visitor_of([("cookie", f"{guard.COOKIE}=short")]) == []
    assert visitor_of([("cookie", "\x01=;;=")]) == []


def test_the_flag_names_hosts(monkeypatch):
    from ccta_core.cli import dashboard
    from ccta_core.cli.main import main

    words = []
    monkeypatch.setattr(dashboard.os, "execv", lambda *given: words.extend(given[1]))
    monkeypatch.setattr(dashboard.os, "chdir", lambda folder: None)
    monkeypatch.setattr(dashboard, "_check_free", lambda host, port: None)
    monkeypatch.setenv(guard.HOSTS, "")
    main(shlex.split("dashboard --allow-host a.example --allow-host b.example --port 8599"))
    assert guard.refusal("b.example", "https://b.example") is None
    assert "--server.address=localhost" in words


@pytest.mark.parametrize(
    ("address", "headers", "apart"),
    [
        ("localhost", {"host": "localhost:8501"}, False),
        ("127.0.0.1", {"host": "127.0.0.1:8501"}, False),
        ("0.0.0.0", {"host": "localhost:8501"}, True),
        (None, {"host": "localhost:8501"}, True),
        ("unix:///run/ccta.sock", {"host": "localhost"}, True),
        ("localhost", {"host": "explorer.example.org"}, True),
        ("localhost", {"host": "localhost:8501", "x-forwarded-for": "10.0.0.2"}, True),
    ],
)
def test_one_person_is_whoever_sits_at_the_machine(monkeypatch, address, headers, apart):
    assert visitors.comes_from_elsewhere(address, headers) is apart
    monkeypatch.setattr(visitors.st, "context", SimpleNamespace(headers=headers))
    monkeypatch.setattr(visitors.st, "get_option", lambda name: address)
    monkeypatch.setattr(visitors.runtime, "exists", lambda: True)
    monkeypatch.delenv(visitors.MODE)
    assert visitors.visitor().name == "nobody"  # a thread that no page began
    page = SimpleNamespace(session_id="a session")
    monkeypatch.setattr(visitors, "get_script_run_ctx", lambda: page)
    monkeypatch.setattr(visitors, "has_login_page", lambda: False)
    monkeypatch.delenv(visitors.MODE, raising=False)
    monkeypatch.delenv(VARIABLE, raising=False)
    assert (visitors.visitor() != LOCAL) is apart
    monkeypatch.setenv(visitors.MODE, "one")
    assert visitors.visitor() == LOCAL
    for name in (VARIABLE, guard.LOGIN_HEADER):
        monkeypatch.delenv(visitors.MODE, raising=False)
        monkeypatch.setenv(name, "1")
        assert visitors.visitor() != LOCAL
        assert not visitors.visitor().administrator


def test_a_login_names_the_person_by_what_it_vouches_for(monkeypatch):
    user = {"email": "anna@example.org", "sub": "7"}
    page = SimpleNamespace(session_id="a session")
    monkeypatch.setattr(visitors.runtime, "exists", lambda: True)
    monkeypatch.setattr(visitors, "get_script_run_ctx", lambda: page)
    monkeypatch.setattr(visitors, "has_login_page", lambda: True)

    class User(dict):
        is_logged_in = True

    for claims, name in (
        (user, "anna@example.org"), (user | {"email_verified": False}, "7"), ({"sub": "7"}, "7"),
    ):  # fmt: skip
        monkeypatch.setattr(visitors.st, "user", User(claims))
        assert visitors.visitor() == Person(name, login=True)
        assert not visitors.must_log_in()
    monkeypatch.setattr(User, "is_logged_in", False)
    monkeypatch.setattr(visitors.st, "context", SimpleNamespace(headers={}))
    assert visitors.visitor() == Person("a session")
    assert visitors.must_log_in()
