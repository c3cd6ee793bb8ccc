"""The commands of the Makefile: it can be read, each is there once, and `run` and `test` do what
the README says.
"""

import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RULE = re.compile(r"^([A-Za-z][\w-]*):(?!=)", re.MULTILINE)
RULES = RULE.findall((ROOT / "Makefile").read_text("utf-8"))

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not here")


# As a person calls it: under `make test`, make hands its own flags and depth down.
ALONE = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}


def make(*arguments):
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, env=ALONE)


def planned(target):
    """What make would run, and what it complains of."""
    done = make("--dry-run", "--always-make", target)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize("target", sorted(set(RULES)))
def test_every_command_can_be_run_and_stands_once(target):
    assert planned(target).strip()
    assert Counter(RULES)[target] == 1


def test_each_does_what_it_is_for():
    assert "ccta dashboard --port" in planned("run")
    assert "-m pytest" in planned("test")
    assert all(tool in planned("check") for tool in ("ruff format --check", "ruff check", "mypy"))
    assert "research.zoo.predictions" in planned("zoo-check")
    assert "research.demo.check" in planned("demo-check")
    listed = {line.split()[0] for line in make("help").stdout.splitlines()}
    assert listed == set(RULES)
