"""What is installed and what ships is known: locks with hashes, and the terms of every file."""

import json
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^ ;\\\n]+)", re.MULTILINE)
HUBS = {
    "CC BY-NC-SA": "CC-BY-NC-SA-4.0", "CC BY-NC 4.0": "CC-BY-NC-4.0",
    "CC BY-SA 4.0": "CC-BY-SA-4.0",
    "CC BY 4.0": "CC-BY-4.0", "ODC-BY": "ODC-By-1.0", "C-UDA 1.0": "C-UDA-1.0",
    "free use, credit Google": "LicenseRef-PAWS-X",
}  # fmt: skip
"""How a card or a manifest names its terms, the strictest first, and SPDX's name of them."""


def read(name):
    return (ROOT / name).read_text("utf-8")


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text):
    return {(plain(name), version) for name, version in PIN.findall(text)}


def test_the_locks_have_what_the_readable_list_asks_for():
    locked = pins(read("requirements.lock")) | pins(read("requirements-embedded.lock"))
    asked = {pin for pin in pins(read("requirements.txt")) if pin[0] != "torch"}
    assert asked <= locked, f"make lock: {sorted(asked - locked)}"


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-embedded.lock"])
def test_every_package_of_a_lock_has_hashes(name):
    entries = re.split(r"^(?=[a-z0-9])", read(name), flags=re.MULTILINE)[1:]
    assert entries
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
    assert not any(entry.startswith(("torch==", "nvidia-")) for entry in entries)


def noticed():
    """Patterns of paths and their SPDX identifiers, as NOTICE has them; the most exact last."""
    rows = re.findall(
        r"^(\S+/\*\*)(?:, \S+)*\s+((?:[\w.-]+)(?: AND [\w.-]+)*)", read("NOTICE"), re.M
    )
    return sorted(rows, key=lambda row: len(row[0]))


def terms_of(path):
    found = [terms for pattern, terms in noticed() if fnmatch(path, pattern.replace("**", "*"))]
    assert found, f"NOTICE does not say what the terms of {path} are"
    return found[-1]


def stated(licence):
    return next((spdx for text, spdx in HUBS.items() if text in licence), None)


@pytest.mark.parametrize(
    "card",
    sorted((ROOT / "ccta_core/zoo/adapters").glob("*/*/card.json")),
    ids=lambda p: p.parent.name,
)
def test_an_adapters_terms_are_those_of_its_card(card):
    licence = json.loads(card.read_text("utf-8"))["licence"]
    terms = terms_of(card.relative_to(ROOT).as_posix())
    assert stated(licence) in terms.split(" AND ")
    if "non-commercial" in licence or "-NC" in terms:
        assert "NC" in licence


@pytest.mark.parametrize(
    "manifest",
    sorted((ROOT / "cache/studies").glob("*/manifest.json")),
    ids=lambda p: p.parent.name,
)
def test_a_studys_terms_are_those_of_its_manifest(manifest):
    licence = json.loads(manifest.read_text("utf-8"))["licence"]
    assert stated(licence) == terms_of(manifest.relative_to(ROOT).as_posix())


def test_the_wheel_names_every_term_that_ships():
    project = tomllib.loads(read("pyproject.toml"))["project"]
    ours = set(project["license"].split(" AND "))
    assert ours == {term for _, terms in noticed() for term in terms.split(" AND ")}
    assert project["license-files"] == ["LICENSE", "NOTICE"]
