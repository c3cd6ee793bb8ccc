"""Models made to harm, and names that are none: one line each, and nothing is read elsewhere."""

import json
from dataclasses import replace

import pytest

from ccta_core.errors import CctaError
from ccta_core.models import added
from ccta_core.models.added import FOLDERS, HUB_NAMES, add, checked_name, listed
from ccta_core.models.places import local_place
from ccta_core.permissions import ADMINISTRATORS, NotYoursError, Person, acting_for
from ccta_core.study.request import StudyRequest
from ccta_core.study.run import process
from tests.families import build

ROOT = Person("root@example.org", login=True)


def one_line(caught):
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 1200
    return line


@pytest.mark.parametrize("name", ["~no-such-user/x", "~", "a" * 5000, "a/" + "b" * 5000, "x\0/y",
                                  "/" * 3000, "", "  ", "..", "/etc/passwd"])  # fmt: skip
def test_a_name_that_is_none_is_one_line(name):
    for read in (add, listed):
        with pytest.raises(CctaError) as caught:
            read(name)
        assert one_line(caught)
    if name not in ("~", "..", "/" * 3000):  # these are folders
        assert local_place(name) is None


@pytest.fixture
def folder(tmp_path):
    return build(tmp_path / "model", "bert", "classification")


def rewrite(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


def test_a_configuration_that_is_deep_is_one_line(folder):
    deep = "[" * 200_000 + "]" * 200_000
    for name in ("config.json", "tokenizer.json"):
        before = (folder / name).read_text("utf-8")
        (folder / name).write_text('{"a": ' + deep + "}", "utf-8")
        with pytest.raises(CctaError) as caught:
            add(str(folder))
        one_line(caught)
        (folder / name).write_text(before, "utf-8")


def test_a_model_of_200_000_layers_is_not_built(folder):
    rewrite(folder / "config.json", num_hidden_layers=200_000)
    with pytest.raises(CctaError, match=r"num_hidden_layers in config\.json is 200,000"):
        add(str(folder))


@pytest.mark.parametrize("ending", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("part", ["../secret.safetensors", "/etc/passwd", "sub/x.bin", 7])
def test_an_index_names_no_file_elsewhere(folder, ending, part):
    (folder.parent / "secret.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    (folder / "model.safetensors").unlink()
    index = {"metadata": {}, "weight_map": {"bert.x": part}}
    (folder / f"{ending}.index.json").write_text(json.dumps(index), "utf-8")
    with pytest.raises(CctaError, match="expected files in its own folder") as caught:
        add(str(folder))
    one_line(caught)


def test_from_afar_an_administrator_adds_what_is_allowed(folder, tmp_path, monkeypatch):
    monkeypatch.setenv(ADMINISTRATORS, ROOT.name)
    refused = [
        str(folder),
        "/etc",
        "/no/such",
        "owner/name",
        "~root",
        "~/x",
        "../x",
        "FacebookAI/x",
    ]
    with acting_for(ROOT):
        told = set()
        for name in refused:
            with pytest.raises(NotYoursError, match="not among the models that may be") as caught:
                checked_name(name)
            told.add(one_line(caught).replace(repr(name), ""))
        assert len(told) == 1  # the same, whether there is such a folder or not
        monkeypatch.setenv(HUB_NAMES, "FacebookAI/*, owner/other")
        monkeypatch.setenv(FOLDERS, str(tmp_path))
        assert checked_name("FacebookAI/x") == "FacebookAI/x"
        assert checked_name(str(folder)) == str(folder)
        (tmp_path / "link").symlink_to("/etc")
        for name in ("owner/name", f"{tmp_path}/../x", f"{tmp_path}/link", "FacebookAI/../x"):
            with pytest.raises(NotYoursError):
                checked_name(name)


def test_a_study_adds_no_model_for_who_may_not(folder):
    request = StudyRequest(name="mine", data="demo:nli", models=(str(folder),))
    with acting_for(Person("anna")), pytest.raises(NotYoursError, match="Adding the model"):
        process.start(request, 1)


def test_a_model_of_too_many_bytes_is_not_loaded(folder, monkeypatch):
    monkeypatch.setenv("CCTA_MODEL_SIZE", "1k")
    with pytest.raises(CctaError, match=r"of weights, at most 1.0 kB can be added"):
        add(str(folder))
    assert added.added() == {}


@pytest.mark.parametrize(
    ("limits", "line"),
    [
        ({"processor": 1}, "took more than 1 seconds to read; expected a smaller or simpler model"),
        ({"memory": 400}, "expected a whole model, or a smaller one|smaller or simpler model"),
    ],
)
def test_a_model_that_takes_too_much_is_one_line(folder, monkeypatch, limits, line):
    monkeypatch.setattr(added, "LIMITS", replace(added.LIMITS, **limits))
    with pytest.raises(CctaError, match=line) as caught:
        added.add_apart(str(folder))
    one_line(caught)
    assert added.added() == {}
