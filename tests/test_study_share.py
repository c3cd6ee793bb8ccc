"""The lines that give a page's numbers: they run, and say the same."""

import shlex

import pytest

from ccta_core.cli.main import main
from ccta_core.reports.findings.page import findings_page
from dashboard.widgets.study_bar import commands, snippet

PAGES = ("languages", "correlation", "errors", "learn")
LINES = sorted({line for page in PAGES for line in commands(page, "made")})


@pytest.mark.parametrize("line", LINES)
def test_every_line_runs(study, study_cache, monkeypatch, tmp_path, capsys, line):
    """Each is run once, whichever pages offer it; the findings are the page of them."""
    monkeypatch.setenv("CCTA_CACHE", str(study_cache))
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(line)[1:]) == 0
    said = capsys.readouterr().out
    if " findings " in line:
        assert said == findings_page([study]) + "\n"
    elif " show " in line:
        assert "made" in said
    else:
        assert (tmp_path / f"made.{'csv' if 'csv' in line else 'html'}").stat().st_size > 10_000


def test_findings_go_to_a_file_and_no_study_is_one_line(tmp_path, monkeypatch, capsys, study):
    monkeypatch.setenv("CCTA_CACHE", str(study.folder.parents[1]))
    monkeypatch.setattr(
        "ccta_core.reports.findings.page.findings_page", lambda studies: studies[0].name
    )
    assert main(["study", "findings", "made", "--to", str(tmp_path / "found.md")]) == 0
    assert (tmp_path / "found.md").read_text("utf-8") == "made\n"
    assert main(["study", "findings", "nothing"]) == 2
    assert "no study 'nothing' here" in capsys.readouterr().err


def test_a_name_is_quoted_and_the_python_runs(study, study_cache, monkeypatch):
    monkeypatch.setenv("CCTA_CACHE", str(study_cache))
    assert commands("studies", "a b") == ["ccta study export 'a b' --format html --to 'a b.html'"]
    found = {}
    exec(snippet("made"), found)
    assert len(found["rows"]) == len(study.table())
