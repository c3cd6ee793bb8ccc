"""The notebooks run and the site is whole: strict about links, nothing from elsewhere, its pictures
answer in the page.
"""

import re
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import nbformat
import pytest

from research.documents.site import NOTEBOOKS, execute, notebook_folder
from tests.conftest import ROOT
from tests.serving import visiting

NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCTA_NOTEBOOKS", str(folder))
        patch.setenv("CCTA_CACHE", str(folder / "cache"))
        patch.setenv("PYTHONPATH", str(ROOT))
        for name in NAMES:
            nbformat.write(
                execute(NOTEBOOKS / f"{name}.ipynb"), notebook_folder() / f"{name}.ipynb"
            )
        yield folder


@pytest.fixture(scope="module")
def site(executed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def address(site):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def outputs(executed, name):
    cells = nbformat.read(executed / f"{name}.ipynb", as_version=4).cells
    return [output for cell in cells for output in cell.get("outputs", ())]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_lies_there_without_its_outputs(name):
    cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    assert cells[0].cell_type == "markdown"
    assert not any(cell.get("outputs") for cell in cells)


@pytest.mark.parametrize(("name", "frames"), [("first-pair", 3), ("own-model", 1), ("study", 0)])
def test_a_notebook_shows_what_it_promises(executed, name, frames):
    html = "".join(
        output.get("data", {}).get("text/html", "") for output in outputs(executed, name)
    )
    assert html.count("<iframe") == frames
    if name == "study":
        assert "notebook: 3 items" in html
        findings = outputs(executed, name)[-1].data["text/markdown"]
        assert "Claim 1" in findings


def test_every_language_of_the_demo_has_a_picture(site):
    pictures = {path.stem for path in (site / "gallery").glob("en-*.html")}
    assert len(pictures) == 13
    index = (site / "gallery" / "index.html").read_text("utf-8")
    assert {f"en-{lang}" for lang in re.findall(r'href="en-(\w+)\.html"', index)} == pictures


def test_the_reference_has_every_public_name(site):
    import ccta_core

    page = (site / "api" / "index.html").read_text("utf-8")
    ids = {found.rpartition(".")[2] for found in re.findall(r'id="(ccta_core\.[\w.]+)"', page)}
    assert set(ccta_core.__all__) <= ids


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_pictures_answer_in_the_pages(browser, address, width, scheme):
    with visiting(browser, address) as visit:
        for path in ("notebooks/first-pair/", "gallery/"):
            page = visit(path, width=width, scheme=scheme)
            frame = page.frame_locator("iframe").first
            word = frame.locator('[data-side="source"][data-unit="0"]')
            word.click()
            assert word.get_attribute("aria-pressed") == "true"
            assert page.evaluate("document.documentElement.scrollWidth") <= width
