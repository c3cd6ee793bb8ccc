"""The wheel is the product: built from its own sdist, installed outside the working copy, it has
what ships, keeps its cache with the person and opens the dashboard.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
import zipfile
from urllib.request import urlopen

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from ccta_core.store.usage import MARK
from tests.conftest import ROOT
from tests.serving import wait_for

NEEDED = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md")
STUDIES = {mark.parent.name for mark in (ROOT / "cache" / "studies").glob(f"*/{MARK}")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, in which somebody has a study of their own."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("dist")
    for name in NEEDED:
        shutil.copy(ROOT / name, copy)
    skip = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in ("ccta_core", "dashboard", "cache/pairs", "cache/adjustment"):
        shutil.copytree(ROOT / name, copy / name, ignore=skip)
    for name in STUDIES:
        shutil.copytree(ROOT / "cache" / "studies" / name, copy / "cache" / "studies" / name)
    own = copy / "cache" / "studies" / "my-own"
    own.mkdir()
    (own / "manifest.json").write_text("{}")
    (copy / "cache" / "results").mkdir()
    (copy / "cache" / "results" / "typed.json").write_text("what somebody typed")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(copy)],
        check=True, capture_output=True, timeout=500,
    )  # fmt: skip
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """The wheel as it lies in somebody's environment."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def environment(site, home):
    env = {key: value for key, value in os.environ.items() if not key.startswith("CCTA_")}
    return env | {"PYTHONPATH": str(site), "HOME": str(home), "PYTHONSAFEPATH": "1"}


def ccta(site, home, *words):
    done = subprocess.run(
        [sys.executable, "-m", "ccta_core", *words],
        cwd=home, env=environment(site, home), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_has_what_ships_and_nothing_of_ones_own(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    studies = {
        name.split("/")[3] for name in names if name.startswith("ccta_core/shipped/studies/")
    }
    assert studies == STUDIES
    assert any(name.startswith("ccta_core/shipped/pairs/") for name in names)
    assert "ccta_core/shipped/adjustment/runs.parquet" in names
    assert "dashboard/.streamlit/config.toml" in names
    assert not [name for name in names if "typed" in name or "my-own" in name]
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"ccta_core", "dashboard"}
    assert wheel.stat().st_size < 100e6, "what PyPI takes"


def test_installed_it_has_its_studies_and_a_cache_with_the_person(site, tmp_path):
    listed = ccta(site, tmp_path, "study", "list")
    assert {line.split()[0] for line in listed.splitlines()} == STUDIES
    doctor = ccta(site, tmp_path, "doctor")
    assert re.search(rf"cache folder: {re.escape(str(tmp_path))}/.cache/ccta \(writable\)", doctor)


def test_installed_it_opens_the_dashboard(site, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "ccta_core", "dashboard", "--port", str(port)],
            cwd=tmp_path, env=environment(site, tmp_path), stdout=out, stderr=out,
        )  # fmt: skip
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health", log)
            with urlopen(f"http://127.0.0.1:{port}/", timeout=10) as page:
                assert page.status == 200
        finally:
            server.terminate()
            server.wait(60)


def test_another_dashboard_over_ours_is_told(wheel, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site, [n for n in archive.namelist() if "/shipped/" not in n])
    (site / "dashboard" / "__init__.py").write_text("# of somebody else's package")
    done = subprocess.run(
        [sys.executable, "-m", "ccta_core", "dashboard"],
        cwd=tmp_path, env=environment(site, tmp_path), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 2
    assert "dashboard/__init__.py is not the file that was installed" in done.stderr


def test_the_lower_bounds_are_what_is_tested():
    """`make test-oldest` installs the very releases that pyproject.toml allows at least."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    written = (ROOT / "requirements-oldest.txt").read_text("utf-8")
    tested = dict(re.findall(r"^([\w-]+)==([\w.]+)", written, re.M))
    for requirement in map(Requirement, project["dependencies"]):
        (bound,) = [each for each in requirement.specifier if each.operator in (">=", "==")]
        assert Version(bound.version) == Version(tested[requirement.name]), requirement


def test_the_sdist_names_every_study_that_ships():
    grafted = re.findall(r"^graft cache/studies/(\S+)$", (ROOT / "MANIFEST.in").read_text(), re.M)
    assert set(grafted) == STUDIES
