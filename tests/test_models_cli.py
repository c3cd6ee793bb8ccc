"""`ccta models add` and `remove`; a folder as a study's model."""

import pytest

from ccta_core.cli import main
from ccta_core.models.added import added, listed
from ccta_core.study.storage.table import open_study
from tests.families import build


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build(tmp_path_factory.mktemp("models") / "mine", "bert", "classification")


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    """Runs a command in an empty cache; its exit status, what it wrote, its errors."""
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))

    def run(*words):
        status = main(list(words))
        return status, *capsys.readouterr()

    return run


def test_a_folder_is_added_listed_and_removed(said, folder):
    status, out, _ = said("models", "add", str(folder))
    assert status == 0
    assert out.startswith(f"{folder}  nli")
    assert str(folder) in said("models", "list")[1]
    status, _, err = said("models", "remove", "nothing/here")
    assert (status, err.count("\n")) == (2, 1)
    assert str(folder) in err
    assert said("models", "remove", str(folder))[0] == 0
    assert added() == {}
    assert folder.is_dir()
    assert "none was added" in said("models", "remove", str(folder))[2]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("", "expected a name of the hub"),
        ("./nowhere", "neither a folder"),
        ("e5-small", "already"),
    ],
)
def test_what_is_no_model_is_one_line(said, name, line):
    status, _, err = said("models", "add", name)
    assert (status, err.count("\n")) == (2, 1)
    assert line in err


def test_a_study_takes_a_folder(said, folder):
    words = ["--data", "demo:nli", "--langs", "en,es", "--limit", "2", "--layers", "1"]
    words += ["--shuffles", "2", "--unrelated", "0", "--workers", "1"]
    status, _, err = said("study", "run", "--name", "mine", "--model", str(folder), *words)
    assert status == 0, err
    assert set(open_study("mine").table()["model"]) == {str(folder)}
    assert listed(str(folder)).id == str(folder)
    assert "unknown model" in said("study", "run", "--name", "b", "--model", "no", *words)[2]
