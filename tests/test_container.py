"""What the container is built from is there, and it opens for visitors."""

import re

import pytest
import yaml

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def dockerfile():
    return (ROOT / "Dockerfile").read_text("utf-8")


def test_what_is_copied_is_let_through_and_is_there(dockerfile):
    let_through = set(
        re.findall(r"^!([\w.-]+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.M)
    )
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.M)
    copied = {name for line in lines for name in line.split()}
    assert copied == let_through
    for name in copied:
        assert (ROOT / name).exists(), name


def test_visitors_get_a_read_only_dashboard_without_rights(dockerfile):
    assert "CCTA_READ_ONLY=1" in dockerfile
    assert re.findall(r"^USER (.+)$", dockerfile, re.M) == ["10001"]
    service = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]["dashboard"]
    assert service["environment"]["CCTA_READ_ONLY"] == "${CCTA_READ_ONLY-1}"
    assert service["ports"] == ["127.0.0.1:8501:8501"], "this computer alone, unless it is changed"


def test_the_packages_are_those_that_are_pinned(dockerfile):
    for lock in ("requirements.lock", "requirements-embedded.lock"):
        assert f"--no-deps --require-hashes -r {lock}" in dockerfile
    assert "grep '^torch==' requirements.txt" in dockerfile
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    assert len([line for line in lines if line.startswith("torch==")]) == 1
