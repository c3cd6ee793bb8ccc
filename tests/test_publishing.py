"""Folders for the Hub: transformers and datasets open them, and their cards say what is known."""

import json

import pytest
import torch
import yaml
from datasets import load_dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from ccta_core import publishing
from ccta_core.cli import main
from ccta_core.errors import CctaError
from ccta_core.models.catalog import catalog
from ccta_core.models.load import load_model
from ccta_core.study.storage.table import open_study
from tests.made_study import made_study

MODEL = "e5-small/nli-en"
PAIR = ("A man walks his dog.", "Nobody is outside.")


def header_of(folder):
    _, header, text = (folder / "README.md").read_text("utf-8").split("---\n", 2)
    return yaml.safe_load(header), text


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return publishing.publish_model(MODEL, tmp_path_factory.mktemp("hub") / "model")


def test_transformers_opens_it_and_answers_alike(published):
    tokenizer = AutoTokenizer.from_pretrained(published)
    network = AutoModelForSequenceClassification.from_pretrained(published).eval()
    ours = load_model(MODEL, device="cpu")
    with torch.inference_mode():
        theirs = network(**tokenizer(*PAIR, return_tensors="pt")).logits
        expected = ours.hf_model(**ours.tokenizer(*PAIR, return_tensors="pt")).logits
    torch.testing.assert_close(theirs, expected, atol=1e-4, rtol=1e-4)
    assert tuple(network.config.id2label.values()) == catalog()[MODEL].labels


def test_its_card_has_a_result_a_language(published):
    header, text = header_of(published)
    results = header["model-index"][0]["results"]
    scores = catalog()[MODEL].card["scores"]
    found = {result["dataset"]["config"]: result["metrics"][0]["value"] for result in results}
    assert found == {lang: score["accuracy"] for lang, score in scores.items()}
    assert header["pipeline_tag"] == "text-classification"
    assert header["license"] == "other"
    assert "MultiNLI" in (published / "LICENSE").read_text("utf-8")
    assert "known weaknesses" in text


@pytest.mark.parametrize("model", catalog())
def test_every_model_has_a_card(model):
    card = publishing.model_card(catalog()[model])
    header = yaml.safe_load(card.split("---\n", 2)[1])
    assert header["license"]
    assert header["language"]
    assert header["base_model"] == "intfloat/multilingual-e5-small"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CC BY-NC 4.0", "cc-by-nc-4.0"),
        ("weights: CC BY-SA 4.0 (SQuAD); code: MIT", "cc-by-sa-4.0"),
        ("weights: the most restrictive of their data, CC BY-NC-SA (SICK)", "cc-by-nc-sa"),
        ("MIT (intfloat)", "mit"),
        ("weights: ODC-BY (WikiANN); code: MIT", "odc-by"),
        ("weights: free use, credit Google (PAWS-X); code: MIT", "other"),
        ("", "other"),
    ],
)
def test_a_licence_is_told_by_the_hubs_name_or_by_a_file(text, expected):
    assert publishing._licence(text)["license"] == expected


def test_datasets_opens_a_study(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "datasets"))
    made_study(tmp_path / "studies", items=6)
    folder = tmp_path / "hub"
    assert main(["study", "publish", "made", "--to", str(folder)]) == 0
    assert str(folder) in capsys.readouterr().out
    rows = load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "datasets"))
    expected = open_study("made").table(arrow=True)
    assert rows.num_rows == len(expected)
    assert sorted(rows["ems"]) == sorted(expected["ems"].to_pylist())
    header, text = header_of(folder)
    assert header["configs"] == [{"config_name": "default", "data_files": "data/rows.parquet"}]
    assert all(f"| `{name}` |" in text for name in expected.schema.names)
    assert json.loads((folder / "manifest.json").read_text("utf-8"))["study"] == "made"


def test_what_stands_there_is_kept(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(CctaError, match="holds something"):
        publishing.publish_model(MODEL, tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert not list(tmp_path.parent.glob(".*.part"))


class Hub:
    """In place of the Hub's client: what it was asked."""

    asked = ()

    def create_repo(self, name, **options):
        self.asked.append((name, options))

    def upload_folder(self, **options):
        self.asked.append(options)
        return "https://huggingface.co/owner/name"


def test_it_is_sent_where_it_was_asked_to(tmp_path, monkeypatch):
    monkeypatch.setattr(publishing, "HfApi", Hub)
    monkeypatch.setattr(Hub, "asked", [])
    sent = publishing.push(tmp_path, "owner/name", "dataset", private=True)
    assert sent == "https://huggingface.co/owner/name"
    created, uploaded = Hub.asked
    assert created == ("owner/name", {"repo_type": "dataset", "private": True, "exist_ok": True})
    assert uploaded == {"repo_id": "owner/name", "folder_path": tmp_path, "repo_type": "dataset"}


def test_a_hub_that_is_not_there_is_one_line(tmp_path, monkeypatch):
    class Away(Hub):
        def create_repo(self, name, **options):
            raise OSError("no route to host\nsecond line")

    monkeypatch.setattr(publishing, "HfApi", Away)
    with pytest.raises(CctaError, match="no route to host") as caught:
        publishing.push(tmp_path, "owner/name", "model")
    assert "\n" not in str(caught.value)
    with pytest.raises(CctaError, match="expected OWNER/NAME"):
        publishing.push(tmp_path, "name", "model")
