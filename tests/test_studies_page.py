"""Studies as processes of their own, files handed in, and the page that shows both."""

import os
import signal
import time
from collections import namedtuple
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ccta_core.config import cache_root
from ccta_core.corpus.uploads import check, keep, spec_of, uploads
from ccta_core.errors import CctaError
from ccta_core.models.added import add
from ccta_core.store.usage import MARK
from ccta_core.study import plan, process, runner, state
from ccta_core.study.cost import Cost, estimate
from ccta_core.study.log import LOG, heading
from ccta_core.study.parts import part_path
from ccta_core.study.process import Order
from ccta_core.study.state import FAILED, FINISHED, RUNNING, STARTING, STOPPED, state_of
from ccta_core.study.table import open_study
from dashboard.components.studies_actions import exported
from dashboard.tables.studies import state_line, suggested_name, summary
from tests.families import build
from tests.made_study import made_study
from tests.test_dashboard import clean, html_of, said

APP = str(Path(__file__).parents[1] / "dashboard" / "app.py")
MODEL = "e5-small/nli-en"
PATIENCE = 300
ROWS = "id,lang,text,text2,label\n"
PAIR = "1,en,It rains.,It is wet.,entailment\n1,es,Llueve.,Está mojado.,entailment\n"


@pytest.fixture(autouse=True)
def nothing_ships(tmp_path, monkeypatch):
    """The page without the studies that ship: here are only a test's own."""
    for module in (plan, state):
        monkeypatch.setattr(module, "SHIPPED", tmp_path / "ships-nothing")


def order(name="one", **changes):
    settings = {
        "name": name, "data": "demo:nli", "models": [MODEL], "layers": [11],
        "languages": ["en", "es"], "limit": 3,
    }  # fmt: skip
    return Order(**{**settings, **changes})


def folder_of(name):
    return cache_root() / "studies" / name


def waited(name, reached):
    """The study's state once `reached` is true of it."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = state_of(folder_of(name))
        if reached(found):
            return found
        time.sleep(0.1)
    raise AssertionError(f"{found}\n{process.log_tail(name)}")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small random model with a head for NLI: what matters here is the process."""
    return build(tmp_path_factory.mktemp("small") / "bert", "bert", "classification")


def test_a_study_runs_stops_goes_on_is_killed_and_ends(small):
    model = add(str(small)).id
    process.start(order(models=[model], layers=[1], limit=60), 1)
    with pytest.raises(CctaError, match="running already"):
        process.start(order(models=[model], layers=[1], limit=60), 1)
    with pytest.raises(CctaError, match="stop it first"):
        process.delete("one")
    running = waited("one", lambda found: found.done >= 1)
    assert (running.kind, running.total) == (RUNNING, 4)
    assert process.stop("one")
    stopped = state_of(folder_of("one"))
    assert (stopped.kind, stopped.line) == (STOPPED, "stopped")
    before = parts("one")

    process.resume("one", 1)
    waited("one", lambda found: found.kind == RUNNING)
    os.killpg(int((folder_of("one") / state.HELD).read_text()), signal.SIGKILL)
    killed = waited("one", lambda found: not found.busy)
    assert killed.kind in (STOPPED, FINISHED)
    assert killed.kind == FINISHED or "killed" in killed.line

    if killed.kind == STOPPED:
        process.resume("one", 1)
    done = waited("one", lambda found: not found.busy)
    assert (done.kind, done.done, done.total) == (FINISHED, 4, 4)
    assert len(open_study("one").sql("SELECT * FROM pairs").df()) == 60
    assert before.items() <= parts("one").items()
    assert process.delete("one") > 0
    assert not folder_of("one").exists()


def parts(name):
    return {path.name: path.read_bytes() for path in folder_of(name).glob("parts/*/*.parquet")}


def test_a_study_of_three_items_runs_to_its_end(small):
    process.start(order(models=[add(str(small)).id], layers=[1]), 1)
    done = waited("one", lambda found: not found.busy)
    assert (done.kind, done.done, done.total) == (FINISHED, 1, 1)
    assert len(open_study("one").sql("SELECT * FROM pairs").df()) == 3
    log = process.log_tail("one")
    assert "ccta study run with 1 process\n" in log
    assert "1/1 parts  " in log


def test_a_run_that_only_begins_is_ended_at_once():
    process.start(order(), 1)
    assert state_of(folder_of("one")).kind == STARTING
    began = time.monotonic()
    assert process.stop("one")
    assert time.monotonic() - began < 10
    ended = state_of(folder_of("one"))
    assert (ended.kind, ended.plan, ended.line) == (STOPPED, None, "stopped")
    assert [one.name for one in state.states()] == ["one"]
    process.delete("one")
    assert state.states() == []


def test_a_run_that_fails_says_why():
    process.start(order(data="file:nowhere.csv"), 1)
    failed = waited("one", lambda found: not found.busy)
    assert failed.kind == FAILED
    assert "nowhere.csv" in failed.line
    assert "\n" not in failed.line
    assert state_line(failed).startswith("failed: ")


def test_cancel_is_the_runners_word():
    assert process.CANCEL == runner.CANCEL


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"name": ""}, "needs a name"),
        ({"name": "../up"}, "letters, digits"),
        ({"name": "made"}, "stands for another study"),
        ({"models": []}, "at least one model"),
        ({"layers": []}, "at least one layer"),
        ({"languages": ["en"]}, "two or more, found 1"),
        ({"languages": []}, "two or more, found 0"),
    ],
)
def test_an_order_is_refused_in_one_line(changes, word):
    made_study(cache_root() / "studies", items=3)
    with pytest.raises(CctaError, match=word) as caught:
        process.start(order(**changes), 1)
    assert "\n" not in str(caught.value)
    assert len(state.states()) == 1


def full_disk(monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(process.shutil, "disk_usage", lambda path: usage(10, 9, 201_000_000))


def test_a_study_without_room_is_refused(monkeypatch):
    full_disk(monkeypatch)
    with pytest.raises(CctaError, match=r"about 2 MB and 200 MB stay free, but .* has 201 MB"):
        process.start(order(), 1, Cost(1.0, 2_000_000, ""))
    process.check_room(Cost(1.0, 900_000, ""))


def test_a_folder_that_cant_be_written_is_one_line():
    cache_root().parent.mkdir(parents=True, exist_ok=True)
    cache_root().write_text("in the way")
    with pytest.raises(CctaError, match="can't be written"):
        process.start(order(), 1)


def test_a_shipped_study_stays():
    made_study(cache_root() / "studies", items=3)
    (folder_of("made") / MARK).touch()
    with pytest.raises(CctaError, match="ships with the product and can't be deleted"):
        process.delete("made")
    with pytest.raises(CctaError, match="ships with the product"):
        process.resume("made", 1)
    assert state_of(folder_of("made")).shipped


def test_a_study_outside_the_cache_is_not_deleted(tmp_path):
    made_study(tmp_path / "elsewhere", items=3)
    (cache_root() / "studies").mkdir(parents=True)
    folder_of("made").symlink_to(tmp_path / "elsewhere" / "made")
    with pytest.raises(CctaError, match="outside the cache"):
        process.delete("made")
    assert (tmp_path / "elsewhere" / "made" / "manifest.json").exists()


@pytest.mark.parametrize(
    ("last", "kind", "line"),
    [
        ("ccta: one was stopped; resume goes on with what is missing", STOPPED, "stopped"),
        ("ccta: stopped", STOPPED, "stopped"),
        ("KeyboardInterrupt", STOPPED, "stopped"),
        ("ccta: a worker was killed (was there too little memory?)", FAILED, "a worker was"),
        ("ModuleNotFoundError: No module named 'torch'", FAILED, "No module"),
        ("1/9 parts  0.50 items/s  3 min left", STOPPED, "without a word"),
    ],
)
def test_the_last_line_tells_why_a_run_ended(last, kind, line):
    study = made_study(cache_root() / "studies", items=3)
    part_path(study.folder, "made/en", 0).unlink()
    (study.folder / LOG).write_text(heading("run", 1) + last + "\n", "utf-8")
    found = state_of(study.folder)
    assert (found.kind, found.done, found.total) == (kind, 1, 2)
    assert line in found.line


def test_a_damaged_manifest_is_a_state_and_no_traceback():
    study = made_study(cache_root() / "studies", items=3)
    (study.folder / "manifest.json").write_text("{")
    found = state_of(study.folder)
    assert found.kind == FAILED
    assert "can't be read" in found.line


def test_a_run_at_work_tells_its_rate_and_what_is_left():
    study = made_study(cache_root() / "studies", items=18)
    part_path(study.folder, "made/en", 0).unlink()
    log = heading("run", 1) + "0/2 parts\n1/2 parts  0.50 items/s  under a minute left\n"
    (study.folder / LOG).write_text(log, "utf-8")
    with process._lock(study.folder):
        found = state_of(study.folder)
        assert (found.kind, found.rate, found.left) == (RUNNING, 0.5, 36.0)
        assert state_line(found) == "running · 1 of 2 parts · 0.5 items/s · 36 s left"
        with pytest.raises(CctaError, match="running already"):
            process.resume("made", 1)
    assert state_of(study.folder).kind == STOPPED


def test_names_are_free_and_say_what_they_are_of():
    assert suggested_name("demo:nli", []) == "demo-nli"
    assert suggested_name("demo:nli", ["demo-nli", "demo-nli-2"]) == "demo-nli-3"
    assert suggested_name("file:渡轮-0123456789ab.csv", []) == "0123456789ab"
    assert suggested_name("xnli:facebook/xnli#dev", []) == "xnli-facebook-xnli-dev"


# Files handed in


def test_a_file_is_kept_by_its_content():
    content = (ROWS + PAIR).encode()
    name = keep("My own data!.csv", content)
    assert name == keep("My own data!.csv", content)
    assert name.startswith("My-own-data-")
    assert uploads() == [name]
    assert Path(spec_of(name).removeprefix("file:")).read_bytes() == content
    assert keep("../../etc/x.csv", content).startswith("x-")


def test_a_file_is_looked_through():
    rows = "2,en,Only here.,Yes.,neutral\n3,xx,odd,odd,neutral\n4,en,too few\n"
    found = check(keep("mine.csv", b"\xef\xbb\xbf" + (ROWS + PAIR + rows).encode()))
    assert (found.task, found.items, found.shared) == ("nli", {"en": 2, "es": 1}, 1)
    assert found.labels == {"entailment": 1, "neutral": 1}
    assert ("no counterpart in es", 1, "4") in found.reasons()
    assert ("unknown language 'xx'", 1, "5") in found.reasons()
    assert ("expected 5 fields, found 3", 1, "6") in found.reasons()


BAD = {
    "empty": ("a.csv", b"", "is empty"),
    "blank": ("a.csv", b"\n\n", "header"),
    "only a header": ("a.csv", ROWS.encode(), "no row"),
    "another ending": ("a.xlsx", b"x", "expected one of: .csv"),
    "no ending": ("a", b"x", "nothing"),
    "missing column": ("a.csv", b"id,text\n1,x\n", "has no column lang"),
    "two encodings": ("a.csv", (ROWS + PAIR).encode() + b"2,en,caf\xe9,x,neutral\n", "4: .*0xE9"),
    "utf-16": ("a.csv", (ROWS + PAIR).encode("utf-16"), "UTF-16"),
    "unknown label": ("a.csv", (ROWS + PAIR + "2,en,a,b,maybe\n").encode(), "csv:4: unknown label"),
    "one language": ("a.csv", (ROWS + "1,en,a,b,neutral\n").encode(), "has one language, en"),
    "no language known": ("a.csv", (ROWS + "1,qq,a,b,neutral\n").encode(), "no row of a known"),
    "no json": ("a.jsonl", b"[1]\nx\n", "no JSON object"),
    "no parquet": ("a.parquet", b"x", "is not a parquet file"),
    "open quotes": ("a.csv", (ROWS + '1,en,"a,b,neutral\n').encode(), "quotes"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "word"), BAD.values(), ids=list(BAD))
def test_a_bad_file_is_one_clear_line(name, content, word):
    with pytest.raises(CctaError, match=word) as caught:
        check(keep(name, content))
    line = str(caught.value)
    assert "\n" not in line
    assert str(cache_root()) not in line
    assert len(line) < 400


def test_languages_without_common_items_are_told_apart():
    found = check(keep("a.csv", (ROWS + "1,en,a,b,neutral\n2,es,a,b,neutral\n").encode()))
    assert found.shared == 0
    assert "no counterpart" in found.apart


def test_a_large_file_is_refused(monkeypatch):
    monkeypatch.setattr("ccta_core.corpus.uploads.MOST_MEGABYTES", 1)
    with pytest.raises(CctaError, match="at most 1 can be handed in"):
        keep("a.csv", b"x" * (2 << 20))


# The page


@pytest.fixture
def page():
    """Opens the page with a query."""

    def open_page(query=None):
        app = AppTest.from_file(APP, default_timeout=120)
        app.switch_page("views/studies.py")
        for key, value in (query or {}).items():
            app.query_params[key] = value
        return clean(app.run())

    return open_page


@pytest.fixture
def started(monkeypatch):
    """What the page asked to be started."""
    asked = []
    monkeypatch.setattr(process, "start", lambda order, workers, cost: asked.append((order, cost)))
    return asked


def widget(name):
    return f"studies_{name}_input"


def test_an_empty_page_teaches_and_offers_the_form(page, started):
    app = page()
    assert "No study is here yet" in said(app)
    assert "About " in html_of(app)
    assert "core" in html_of(app)
    button = app.button(key=widget("start"))
    assert button.label == "Start demo-nli"
    clean(button.click().run())
    ((asked, cost),) = started
    assert (asked.data, asked.languages, asked.layers) == (
        "demo:nli",
        ["en", "es", "zh", "ar"],
        [8],
    )
    assert cost.bytes == estimate(1, 60, 4, (8,), 1).bytes


def test_the_form_is_in_the_address_and_comes_from_it(page, started):
    query = {
        "data": "demo:qa", "models": "e5-small/qa-en", "langs": "en,hi,sw", "layers": "4,12",
        "limit": "7", "name": "seven", "overlap": "1",
    }  # fmt: skip
    app = page(query)
    assert not said(app).replace("No study is here yet. Fill in the form below and start one.", "")
    assert app.query_params["langs"] == "en,hi,sw"
    clean(app.button(key=widget("start")).click().run())
    asked = started[0][0]
    assert asked == Order(
        "seven", "demo:qa", ["e5-small/qa-en"], [4, 12], ["en", "hi", "sw"], 7, True
    )
    assert "name" not in app.query_params  # the next study is another one


def test_changing_the_data_changes_what_fits(page):
    app = page()
    clean(app.selectbox(key=widget("data")).select("demo:paraphrase").run())
    chosen = app.multiselect(key=widget("models")).value
    assert chosen
    assert all("paraphrase" in name for name in chosen)
    assert app.query_params["data"] == "demo:paraphrase"


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"name": "made"}, "stands for another study"),
        ({"name": "a b"}, "letters, digits"),
        ({"langs": "en"}, "two or more, found 1"),
        ({"data": "nobody-here"}, "nobody-here"),
        ({"models": "nobody/nothing"}, "nobody/nothing"),
        ({"limit": "-1"}, "a whole number"),
        ({"study": "<script>"}, "script"),
    ],
)
def test_what_is_wrong_is_one_line(page, query, word):
    made_study(cache_root() / "studies", items=3)
    assert word in said(page(query))


def test_without_models_or_languages_nothing_can_start(page, started):
    app = page()
    app.multiselect(key=widget("models")).set_value([])
    clean(app.run())
    assert "at least one model" in said(app)
    assert not [button for button in app.button if button.key == widget("start")]


def test_without_room_nothing_can_start(page, monkeypatch):
    full_disk(monkeypatch)
    app = page({"langs": "en,es,zh,ar,de,fr,hi,ja,ru,sw,th,tr,ur,vi", "layers": "0,4,8"})
    assert "stay free" in said(app)


def test_a_start_that_fails_is_one_line(page, monkeypatch):
    def refuse(*_):
        raise CctaError("the study demo-nli is running already; wait for it, or stop it")

    monkeypatch.setattr(process, "start", refuse)
    app = page()
    clean(app.button(key=widget("start")).click().run())
    assert "running already" in said(app)


def test_a_failed_page_is_one_line(page, monkeypatch):
    monkeypatch.setattr("dashboard.resources.study_states", lambda: 1 / 0)
    app = AppTest.from_file(APP, default_timeout=120)
    app.switch_page("views/studies.py")
    assert "the log has the details" in said(app.run())


def test_studies_are_listed_with_what_they_do(page):
    made_study(cache_root() / "studies", items=3)
    broken = made_study(cache_root() / "studies", name="broken", items=3)
    part_path(broken.folder, "made/en", 0).unlink()
    (broken.folder / LOG).write_text("ccta: <b>it broke</b>\n", "utf-8")
    app = page({"study": "broken"})
    text = html_of(app)
    assert "2 studies: 1 failed, 1 finished." in text
    assert "failed at 1 of 2 parts: &lt;b&gt;it broke" in text
    assert "demo:nli · 3 items · 6 languages · 2 models · layers 4, 8" in text
    assert app.button(key=widget("resume"))
    assert app.button(key=widget("delete"))
    links = [link.proto.label for link in app.get("page_link")]
    assert links == ["Languages", "Correlation", "Errors"]
    app.session_state[widget("log")] = True
    assert any("it broke" in code.value for code in clean(app.run()).code)


def test_a_run_can_be_stopped_from_the_page(page, monkeypatch):
    study = made_study(cache_root() / "studies", items=18)
    part_path(study.folder, "made/en", 0).unlink()
    stopped = []
    monkeypatch.setattr(process, "stop", lambda name: stopped.append(name) or True)
    with process._lock(study.folder):
        app = page()
        assert "1 running" in html_of(app)
        assert "--v:0.500" in html_of(app)
        clean(app.button(key=widget("stop")).click().run())
    assert stopped == ["made"]


def test_a_run_goes_on_from_the_page(page, monkeypatch):
    study = made_study(cache_root() / "studies", items=18)
    part_path(study.folder, "made/en", 0).unlink()
    asked = []
    monkeypatch.setattr(process, "resume", lambda name, workers: asked.append((name, workers)))
    clean(page().button(key=widget("resume")).click().run())
    assert asked == [("made", os.cpu_count())]


def test_deleting_takes_a_second_click(page):
    made_study(cache_root() / "studies", items=3)
    app = page()
    assert folder_of("made").exists()
    clean(app.button(key=widget("delete")).click().run())
    assert not folder_of("made").exists()
    assert "No study is here yet" in said(app)


def test_a_shipped_study_has_no_button_to_delete_it(page):
    made_study(cache_root() / "studies", items=3)
    (folder_of("made") / MARK).touch()
    app = page()
    assert "it can&#x27;t be changed or deleted" in html_of(app)
    assert not [one for one in app.button if one.key in (widget("delete"), widget("resume"))]


@pytest.mark.parametrize(
    ("form", "ending", "begins"),
    [("csv", ".csv", b""), ("parquet", ".parquet", b"par1"), ("latex", ".tex", b"%"),
     ("html", ".html", b"<!doctype html>")],
)  # fmt: skip
def test_a_study_is_exported(form, ending, begins):
    study = made_study(cache_root() / "studies", items=3, layers=(8,))
    content = exported(state_of(study.folder), form, ending)
    assert content.lower().startswith(begins)
    assert len(content) > 300


def test_a_file_is_handed_in_and_used(page):
    app = page()
    app.session_state[widget("own")] = True
    clean(app.run())
    content = (ROWS + PAIR + "2,en,a,b,neutral\n").encode()
    app.file_uploader(key=widget("file")).set_value(("mine.csv", content, "text/csv"))
    clean(app.run())
    assert "1 item in both languages, 1 line left out." in html_of(app)
    assert "no counterpart in es" in html_of(app)
    clean(app.button(key=widget("use")).click().run())
    assert app.query_params["data"] == f"file:{uploads()[0]}"
    assert "1 item x 1 model x (2 languages" in html_of(app)
    assert app.button(key=widget("start")).label.startswith("Start mine-")


@pytest.mark.parametrize("bad", ["empty", "two encodings", "unknown label", "missing column"])
def test_a_bad_file_is_told_on_the_page_and_not_kept(page, bad):
    name, content, _ = BAD[bad]
    app = page()
    app.session_state[widget("own")] = True
    clean(app.run())
    app.file_uploader(key=widget("file")).set_value((name, content, "text/csv"))
    clean(app.run())
    assert app.error
    assert uploads() == []


def test_the_summary_counts_kinds():
    study = made_study(cache_root() / "studies", items=3)
    found = state_of(study.folder)
    assert summary([found]) == "1 study: 1 finished."
    assert summary([found, found]) == "2 studies: 2 finished."
