"""`ccta models train`: from a file to a model that `ccta pair` reads; bad input is one line."""

import json

import pytest

from ccta_core.cli import main
from ccta_core.cli.train import _Amount, _read

ROWS = "id,lang,text,text2,label\n" + "".join(
    f"{at},en,Marta bought {at + 2} apples.,{who} bought fruit.,{label}\n"
    for at, (who, label) in enumerate(
        [("Marta", "entailment"), ("Nobody", "contradiction"), ("Omar", "neutral")] * 4
    )
)
QUICK = ["--epochs", "1", "--batch-size", "6", "--max-tokens", "32"]


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(ROWS, "utf-8")
    return f"file:{path}"


def test_a_file_becomes_a_model_that_is_found(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path / "cache"))
    line = ["models", "train", "--task", "nli", "--train", data, "--lang", "en", "--json"]
    assert main([*line, *QUICK, "--dev", data, "--eval", data, "--licence", "mine"]) == 0
    out, err = capsys.readouterr()
    card = json.loads(out)
    assert card["scores"]["en"]["n"] == 12
    assert card["scores"]["en"]["majority"] == pytest.approx(1 / 3, abs=1e-4)
    assert card["licence"] == "mine"
    assert len(card["training"]["dev_losses"]) == 1
    assert "min left" in err
    assert main(["models", "list", "--json"]) == 0
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["own/nli-en"]["training_language"] == "en"
    assert main(["models", "info", "own/nli-en"]) == 0
    assert "majority 0.333" in capsys.readouterr().out
    pair = ["pair", "--model", "own/nli-en", "--item", "ferry-c", "--source-lang", "en"]
    assert (
        main([*pair, "--target-lang", "es", "--layer", "8", "--shuffles", "5", "--json", "-"]) == 0
    )
    assert json.loads(capsys.readouterr().out)["space"] == "centered"


def test_a_folder_is_a_models_name(data, tmp_path, capsys):
    out = tmp_path / "deep" / "mine"
    line = ["models", "train", "--task", "nli", "--train", data, "--lang", "en", "--out", str(out)]
    assert main([*line, *QUICK, "--rank", "2"]) == 0
    pair = ["pair", "--model", str(out), "--item", "ferry-c", "--source-lang", "en"]
    capsys.readouterr()
    assert (
        main([*pair, "--target-lang", "es", "--layer", "8", "--shuffles", "0", "--json", "-"]) == 0
    )
    assert json.loads(capsys.readouterr().out)["model"] == str(out)


def test_items_are_spread_over_the_data_of_each_language_with_their_premises_whole(tmp_path):
    """Files often come genre by genre: the first items would all be of one."""
    rows = [
        f"{lang}-{at}-{kind},{at},{lang},Premise {at}.,Hypothesis {kind}.,{kind}\n"
        for lang in ("en", "es")
        for at in range(40)
        for kind in ("entailment", "neutral", "contradiction")
    ]
    path = tmp_path / "mine.csv"
    path.write_text("id,group,lang,text,text2,label\n" + "".join(rows), "utf-8")
    items = _read("nli", [f"file:{path}"], ["en", "es"], _Amount(24, spread=True))
    for lang in ("en", "es"):
        groups = [int(item.group) for item in items if item.lang == lang]
        assert len(groups) == 24
        assert len(set(groups)) == 8
        assert all(any(low <= at < low + 10 for at in groups) for low in (0, 10, 20, 30))
    first = _read("nli", [f"file:{path}"], ["en"], _Amount(24))
    assert max(int(item.group) for item in first) == 7


def test_rank_0_is_the_whole_model(data, tmp_path, capsys):
    """As --full: a folder of its own, without a card of an adapter."""
    out = tmp_path / "whole"
    words = ["models", "train", "--task", "nli", "--train", data, "--lang", "en", "--rank", "0"]
    assert main([*words, "--epochs", "1", "--limit", "4", "--out", str(out)]) == 0
    assert "the whole model lies in" in capsys.readouterr().err
    assert (out / "model.safetensors").exists()
    assert not (out / "card.json").exists()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"--train": "file:nowhere.csv"}, "nowhere.csv"),
        ({"--train": "poems"}, "unknown data set 'poems'"),
        ({"--lang": "xx"}, "xx"),
        ({"--lang": "es"}, "es"),
        ({"--rank": "4", "--full": None}, "--full"),
        ({"--from": "e5-small/none"}, "unknown model"),
        ({"--epochs": "0"}, "epochs is 0"),
        ({"--lr": "7"}, "learning_rate"),
        ({"--spread": None}, "give --limit too"),
        ({"--spread": None, "--limit": "0"}, "limit"),
        ({"--task": "qa"}, "no answer marked"),
        ({"--task": "ner"}, "0 kinds of label"),
        ({"--eval": "file:nowhere.csv"}, "nowhere.csv"),
        ({"--task": "poetry"}, "invalid choice"),
        ({"--seed": "-1"}, "seed is -1"),
        ({"--device": "foo"}, "there is no device 'foo'"),
        ({"--device": "cuda:9"}, "there is no device 'cuda:9'"),
        ({"--full": None, "--eval": "demo:nli"}, "leave --eval out"),
        ({"--rank": "0", "--eval": "demo:nli"}, "leave --eval out"),
        ({"--eval-langs": "en"}, "give the data by --eval too"),
    ],
)
def test_bad_input_is_one_line(change, line, data, tmp_path, capsys):
    flags = {"--task": "nli", "--train": data, "--lang": "en", "--out": str(tmp_path / "out")}
    words = [word for pair in (flags | change).items() for word in pair if word is not None]
    try:
        code = main(["models", "train", *words])
    except SystemExit as left:
        code = left.code
    err = capsys.readouterr().err
    assert code == 2
    assert line in err.strip().split("\n")[-1]
    assert "Traceback" not in err
