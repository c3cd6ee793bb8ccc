"""The page Studies: the list, the form, files handed in, what can be done with a study."""

import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ccta_core.config import cache_root
from ccta_core.corpus.uploads import uploads
from ccta_core.errors import CctaError
from ccta_core.store.usage import MARK
from ccta_core.study.cost import estimate
from ccta_core.study.request import StudyRequest
from ccta_core.study.run import locks, process
from ccta_core.study.run.progress import FAILED, write_event
from ccta_core.study.run.status import LOG, status_of
from ccta_core.study.storage.parts import part_path
from dashboard.views.studies.actions import exported
from dashboard.views.studies.tables import summary
from tests.made_study import made_study
from tests.test_dashboard import clean, html_of, said
from tests.test_study_process import folder_of, full_disk
from tests.test_uploads import BAD, PAIR, ROWS

APP = str(Path(__file__).parents[1] / "dashboard" / "app.py")
MODEL = "e5-small/nli-en"
pytestmark = pytest.mark.usefixtures("nothing_ships")


@pytest.fixture
def page():
    """Opens the page with a query."""

    def open_page(query=None):
        app = AppTest.from_file(APP, default_timeout=120)
        app.switch_page("views/studies/studies.py")
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
    assert [line.value for line in app.success] == [
        "demo\\-nli has started\\: it stands in the list above\\, with its rate\\."
    ]
    ((asked, cost),) = started
    assert (asked.data, asked.languages, asked.layers) == (
        "demo:nli",
        ("en", "es", "zh", "ar"),
        (8,),
    )
    assert cost.bytes == estimate(1, 60, 4, (8,), 1).bytes


def test_the_form_is_in_the_address_and_comes_from_it(page, started):
    query = {
        "data": "demo:qa", "models": "e5-small/qa-en", "langs": "en,hi,sw", "layers": "4,12",
        "limit": "7", "name": "seven", "overlap": "1", "crop": "64", "each": "1",
    }  # fmt: skip
    app = page(query)
    assert not said(app).replace("No study is here yet. Fill in the form below and start one.", "")
    assert app.query_params["langs"] == "en,hi,sw"
    clean(app.button(key=widget("start")).click().run())
    asked = started[0][0]
    assert asked == StudyRequest(
        name="seven", data="demo:qa", models=["e5-small/qa-en"], layers=[4, 12],
        languages=["en", "hi", "sw"], limit=7, allow_overlap=True, crop=64, per_group=1,
    )  # fmt: skip
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
    app.switch_page("views/studies/studies.py")
    assert "the log has the details" in said(app.run())


def new_study(app):
    return next(part.proto for part in app.expander if part.label == "New study")


def test_studies_are_listed_with_what_they_do(page):
    made_study(cache_root() / "studies", items=3)
    broken = made_study(cache_root() / "studies", name="broken", items=3)
    part_path(broken.folder, "made/en", 0).unlink()
    (broken.folder / LOG).write_text("ccta: <b>it broke</b>\n", "utf-8")
    write_event(broken.folder, FAILED, message="<b>it broke</b>")
    app = page({"study": "broken"})
    text = html_of(app)
    assert "2 studies: 1 failed, 1 finished." in text
    assert "failed at 1 of 2 parts: &lt;b&gt;it broke" in text
    assert "demo:nli · 3 items · 6 languages · 2 models · layers 4, 8" in text
    assert app.button(key=widget("resume"))
    assert app.button(key=widget("delete"))
    links = [link.proto.label for link in app.get("page_link")]
    assert links == ["Languages", "Correlation", "Errors"] * 2
    assert text.count(" with shuffled masses and ") == 2
    assert not new_study(app).expanded
    assert new_study(page({"data": "demo:paraphrase"})).expanded
    app.session_state[widget("log")] = True
    assert any("it broke" in code.value for code in clean(app.run()).code)


def test_a_run_can_be_stopped_from_the_page(page, monkeypatch):
    study = made_study(cache_root() / "studies", items=18)
    part_path(study.folder, "made/en", 0).unlink()
    stopped = []
    monkeypatch.setattr(process, "stop", lambda name: stopped.append(name) or True)
    with locks.hold(study.folder / locks.HELD):
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
    content = exported(status_of(study.folder), form, ending)
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


def handed_in(page, content):
    """The page after a file was handed in, its part opened."""
    app = page()
    app.session_state[widget("own")] = True
    clean(app.run())
    app.file_uploader(key=widget("file")).set_value(("mine.csv", content.encode(), "text/csv"))
    return clean(app.run())


def test_what_is_left_out_of_a_file_is_told_by_line(page):
    """The first 20 lines in their order, and how many there are beyond."""
    swallowed = '3,en,"a,b,neutral\n3,es,a,b,neutral\n4,en,a",b,neutral\n'
    short = "".join(f"{at},en,too few\n" for at in range(10, 32))
    app = handed_in(page, ROWS + PAIR + swallowed + short)
    text = html_of(app)
    assert "1 item in both languages, 25 lines left out." in text
    assert "<tr><td>4</td><td>a field in quotes goes on over lines 4 to 6" in text
    assert text.index("<td>6</td><td>a field") < text.index("<td>7</td><td>expected 5 fields")
    assert "<td>23</td><td>expected 5 fields, found 3" in text
    assert "<td>24</td>" not in text
    assert "And 5 lines more" in text


def test_what_was_put_right_in_a_file_is_told(page):
    app = handed_in(page, ROWS + PAIR + '2,en,"a,\nb",c,neutral\n2,es,a,b,neutral\n')
    text = html_of(app)
    assert "2 items in both languages, 0 lines left out." in text
    assert (
        "<td>a field in quotes goes on over lines and holds commas: read as one text</td>" in text
    )
    assert "left out by" not in text


def numbered(*labels):
    return ROWS + "".join(
        f"{at},{lang},a,b,{label}\n" for at, label in enumerate(labels) for lang in ("en", "es")
    )


def test_the_form_says_what_numbers_in_a_file_stand_for(page):
    app = handed_in(page, numbered(2, 0, 1))
    clean(app.button(key=widget("use")).click().run())
    assert (
        f"Labels of the data as {MODEL} names them: 0 = entailment, 1 = neutral, 2 = contradiction."
    ) in html_of(app)
    assert app.button(key=widget("start")).label.startswith("Start mine-")


def test_the_form_starts_no_study_of_labels_that_a_model_does_not_have(page):
    app = handed_in(page, numbered("not_paraphrase", "paraphrase"))
    clean(app.button(key=widget("use")).click().run())
    lines = [warning.value.replace("\\", "") for warning in app.warning]
    assert any("not_paraphrase, paraphrase are not certainly among them" in line for line in lines)
    assert not [button for button in app.button if button.key == widget("start")]


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
    found = status_of(study.folder)
    assert summary([found]) == "1 study: 1 finished."
    assert summary([found, found]) == "2 studies: 2 finished."


def test_the_page_tells_what_a_person_takes_of_what(page, monkeypatch):
    assert "Your room here" not in html_of(page())
    monkeypatch.setenv("CCTA_UPLOAD_QUOTA", "500M")
    monkeypatch.setenv("CCTA_STUDY_QUOTA", "5G")
    shown = html_of(page())
    assert "Your room here" in shown
    assert "<td>Files handed in</td><td>0 bytes</td><td>500 MB</td>" in shown
    assert "<td>Studies</td>" in shown
    assert "<td>5.0 GB</td>" in shown
    assert "Comparisons computed for you" not in shown
