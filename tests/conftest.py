import importlib.util
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
ROOT = Path(__file__).resolve().parent.parent
MODEL = "e5-small/nli-en"
CHROMIUM = "/usr/bin/chromium"
# No deadline: other programs take their turns too. CI draws the same examples each time, so that
# it refuses a change for what the change did; everybody else's runs look for new ones.
settings.register_profile("shared", deadline=None, derandomize="CCTA_REQUIRE_BROWSER" in os.environ)
settings.load_profile("shared")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.hookimpl(trylast=True)  # after the reporter of the terminal is there
def pytest_configure(config):
    terminal = config.pluginmanager.getplugin("terminalreporter")
    if terminal is not None and not hasattr(config, "workerinput"):
        from tests.watch import Watch

        write = terminal.write_line
        config.pluginmanager.register(Watch(lambda line: write(f"\n{line}", flush=True)))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Every test has a cache of its own: none sees what another left."""
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path / "ccta-cache"))
    # A page that a test runs was asked for by nobody's browser: nothing tells that it is from here.
    monkeypatch.setenv("CCTA_VISITORS", "one")


@pytest.fixture(autouse=True, scope="session")
def no_packaged_components():
    """AppTest looks through every installed package for components, a third of a second a run;
    none here has any.
    """
    from streamlit.components.v2 import manifest_scanner

    manifest_scanner.scan_component_manifests = list


@pytest.fixture
def nothing_ships(tmp_path, monkeypatch):
    """The studies that ship are not there: a test sees only its own."""
    for module in ("manifest", "run.status"):
        monkeypatch.setattr(f"ccta_core.study.{module}.SHIPPED", tmp_path / "ships-nothing")


@pytest.fixture(scope="session")
def study_cache(tmp_path_factory):
    """A cache with the study `made`, for the pages that read one."""
    return tmp_path_factory.mktemp("study-cache")


@pytest.fixture(scope="session")
def study(study_cache):
    from tests.made_study import made_study

    return made_study(study_cache / "studies", items=48)


@pytest.fixture
def opens(monkeypatch):
    """Gives what opens a page with a query, on a cache; `usual` is in every query."""
    from streamlit.testing.v1 import AppTest

    def of_view(cache, view, **usual):
        monkeypatch.setenv("CCTA_CACHE", str(cache))

        def open_page(**query):
            app = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=120)
            app.switch_page(f"views/{view}/{view}.py")
            for key, value in (usual | query).items():
                app.query_params[key] = value
            return app.run()

        return open_page

    return of_view


@pytest.fixture
def study_page(study, study_cache, opens):
    """Opens a page with a query, on the made study."""
    return lambda view: opens(study_cache, view, study="made", layer="8")


@pytest.fixture(scope="session")
def shared_data():
    """The public data sets; CI must have them, others may skip."""
    folder = Path(os.environ.get("CCTA_SHARED_DATA", ROOT.parent / "shared" / "data"))
    return _required(folder, folder.is_dir(), "CCTA_REQUIRE_DATA", "public data sets")


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, headless, driven by Playwright; CI must have it, others may skip."""
    driver = importlib.util.find_spec("playwright")
    _required("playwright", driver is not None, "CCTA_REQUIRE_BROWSER", "the Python package")
    _required(CHROMIUM, Path(CHROMIUM).exists(), "CCTA_REQUIRE_BROWSER", "Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as engine:
        found = engine.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def server(cache):
    """The dashboard as a process of its own, on the cache that the module made."""
    from tests.serving import serving

    with serving(cache) as address:
        yield address


@pytest.fixture(scope="session")
def model():
    from ccta_core.models.load import load_model

    return load_model(MODEL)


def _required(value, present, variable, what):
    if not present:
        reason = f"{what} not found at {value}"
        if os.environ.get(variable):
            pytest.fail(reason)
        pytest.skip(reason)
    return value


@pytest.fixture(autouse=True)
def main_module_stays():
    """A page run from a function takes the place of `__main__`, which worker processes import."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main
