"""Two people in two browsers on one server: neither sees, opens or deletes what the other keeps."""

import json
import socket
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.made_study import made_study
from tests.serving import serving, visiting
from tests.test_hostile_uploads import small_dictionary

CSV = b"id,lang,text\n1,en,a\n1,es,b\n2,en,c\n2,es,d\n"
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    METRICS = free.getsockname()[1]
MOST_MEMORY = 1000
"""MiB that the server may take while a hostile file is handed in."""
STUDIES = "studies?study=made"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    cache = tmp_path_factory.mktemp("two-visitors")
    made_study(cache / "studies", items=12)
    return cache


@pytest.fixture(scope="module")
def address(cache):
    with serving(
        cache, "server", CCTA_VISITORS="each", CCTA_METRICS=str(METRICS), CCTA_LOG_LEVEL="info"
    ) as address:
        yield address


def appeared(locator, within):
    """Whether something is visible within a time, in ms."""
    from playwright.sync_api import TimeoutError as TookTooLong

    try:
        locator.wait_for(timeout=within)
    except TookTooLong:
        return False
    return True


def shows_data(page, name):
    """Whether the menu of data has a file."""
    menu = page.get_by_role("combobox", name="Data", exact=True)
    if not appeared(menu, within=10_000):  # an address that fills the form in opens it
        page.get_by_text("New study", exact=True).click()
    menu.scroll_into_view_if_needed()
    for _ in range(10):  # what the page still draws or scrolls closes the menu again
        menu.press("ArrowDown")
        if appeared(page.get_by_role("listbox"), within=5_000):
            break
    page.get_by_role("listbox").wait_for()
    options = page.get_by_role("option", name=name)
    has = options.count() > 0
    page.keyboard.press("Escape")
    return has


def opened_form(page):
    """Waits for the form under "New study", which an address that fills it in opens."""
    price = page.get_by_text("2 items x 1 model").first
    price.wait_for(state="attached")
    if not price.is_visible():
        page.get_by_text("New study", exact=True).click()
    price.wait_for()


def test_neither_sees_what_the_other_keeps(browser, address, cache):
    with visiting(browser, address) as visit:
        anna = visit(STUDIES)
        anna.get_by_text("Hand in a file of your own").click()
        anna.locator("input[type=file]").set_input_files(
            {"name": "anna.csv", "mimeType": "text/csv", "buffer": CSV}
        )
        anna.get_by_role("button", name="Use this file").click()
        anna.wait_for_url("**data=file*")
        file = next((cache / "people").glob("*/data/anna-*.csv")).name
        opened_form(anna)

        boris = visit(f"studies?data=file%3A{file}")
        boris.get_by_text("showing the default").first.wait_for()
        assert not shows_data(boris, "anna")

        anna.reload()  # the same browser is known again
        opened_form(anna)
        assert shows_data(anna, "anna")


def test_notes_are_of_the_person(browser, address, cache):
    with visiting(browser, address) as visit:
        path = "errors?study=made&right=any&src=en&tgt=hi&row=en-hi-ferry-n"
        anna = visit(path)
        note = anna.get_by_label("Note on the item")
        note.fill("only mine")
        note.press("Control+Enter")
        anna.wait_for_timeout(1500)
        boris = visit(path)
        boris.get_by_label("Note on the item").wait_for()
        assert boris.get_by_label("Note on the item").input_value() == ""
        anna.reload()
        anna.get_by_label("Note on the item").wait_for()
        anna.wait_for_function(
            "[...document.querySelectorAll('textarea')].some(box => box.value === 'only mine')"
        )
    assert not (cache / "notes.sqlite").exists()


def test_what_is_kept_is_for_the_servers_user_alone(cache):
    kept = [path for path in (cache / "people").rglob("*") if path.is_file()]
    assert kept
    assert {path.stat().st_mode & 0o077 for path in kept} == {0}


def test_the_first_page_answers_by_its_name_too(address):
    with urlopen(f"{address}/pair?item=ferry-c&target-lang=es", timeout=20) as answer:
        assert answer.url == f"{address}/?item=ferry-c&target-lang=es"
    with urlopen(f"{address}/pair", timeout=20) as answer:
        assert answer.url == f"{address}/"


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}]
)
def test_a_foreign_page_gets_no_answer(address, headers):
    with pytest.raises(HTTPError, match="403"):
        urlopen(Request(f"{address}/_stcore/host-config", headers=headers), timeout=20)
    with urlopen(f"{address}/_stcore/host-config", timeout=20) as answer:
        assert answer.status == 200


def test_a_foreign_page_gets_no_socket(address):
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    socket = address.replace("http", "ws") + "/_stcore/stream"
    with pytest.raises(InvalidStatus, match="403"):
        connect(socket, subprotocols=["streamlit"], origin="http://evil.example")
    connect(socket, subprotocols=["streamlit"], origin=address).close()


def test_a_hostile_file_costs_the_server_no_memory(browser, address, tmp_path):
    """And whoever watches from outside sees it: health, metrics, the log."""
    content = small_dictionary(tmp_path)
    with visiting(browser, address) as visit:
        page = visit(STUDIES)
        page.get_by_text("Hand in a file of your own").click()
        page.locator("input[type=file]").set_input_files(
            {"name": "a.parquet", "mimeType": "application/octet-stream", "buffer": content}
        )
        page.get_by_text("40,000,000 characters").first.wait_for()
    with urlopen(f"{address}/health", timeout=20) as answer:
        facts = json.load(answer)
    assert facts["status"] == "ok"
    assert facts["peak_memory_mb"] < MOST_MEMORY
    with urlopen(f"http://127.0.0.1:{METRICS}/metrics", timeout=20) as answer:
        lines = answer.read().decode()
    assert 'ccta_cache_bytes{kind="people"}' in lines
    assert "process_resident_memory_bytes" in lines


def test_a_refused_request_is_a_line_of_the_log(address, cache):
    with pytest.raises(HTTPError):
        urlopen(Request(address, headers={"Host": "evil.example"}), timeout=20)
    lines = [line for line in (cache / "server.log").read_text("utf-8").splitlines() if "{" in line]
    refused = [json.loads(line) for line in lines if "evil.example" in line]
    assert refused[-1]["level"] == "warning"
    assert len(refused[-1]["request"]) == 8
