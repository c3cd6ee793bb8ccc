"""The lines that give a page's numbers: they run, and say the same."""

import shlex

import pytest

from ccta_core.cli.main import main
from ccta_core.findings.page import page
from ccta_core.study.table import open_study
from dashboard.components.study_share import commands, snippet


@pytest.mark.parametrize("name", ["languages", "correlation", "errors", "learn"])
def test_every_line_runs(study, study_cache, monkeypatch, tmp_path, capsys, name):
    monkeypatch.setenv("CCTA_CACHE", str(study_cache))
    monkeypatch.chdir(tmp_path)
    for line in commands(name, study.name):
        assert main(shlex.split(line)[1:]) == 0
    assert (tmp_path / "made.html").exists()
    assert (tmp_path / "made.csv").exists() is (name == "errors")


def test_the_findings_are_the_pages(study, study_cache, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("CCTA_CACHE", str(study_cache))
    assert main(["study", "findings", "made", "--to", str(tmp_path / "found.md")]) == 0
    assert (tmp_path / "found.md").read_text("utf-8") == page([open_study("made")]) + "\n"
    assert main(["study", "findings", "nothing"]) == 2
    assert "no study 'nothing' here" in capsys.readouterr().err


def test_a_name_is_quoted_and_the_python_runs(study, study_cache, monkeypatch):
    monkeypatch.setenv("CCTA_CACHE", str(study_cache))
    assert commands("studies", "a b") == ["ccta study export 'a b' --format html --to 'a b'.html"]
    found = {}
    exec(snippet("made"), found)
    assert len(found["rows"]) == len(study.table())
