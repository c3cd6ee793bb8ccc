import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from ccta_core.cli import main
from ccta_core.cli.summary import print_summary
from ccta_core.models.processor import bfloat16_warning
from ccta_core.result import PairResult
from tests.made_pair import make_result, request_of

PAIR = [
    "pair",
    "--source-lang",
    "en",
    "--target-lang",
    "es",
    "--layer",
    "8",
    "--shuffles",
    "9",
    "--unrelated",
    "2",
]
TEXTS = [
    "--source", "The ferry was late.", "--source-2", "The ferry was on time.",
    "--target", "El ferry llegó tarde.", "--target-2", "El ferry llegó puntual.",
]  # fmt: skip
TOP = (
    "model revision task target_class layer align_layer space seed n_shuffles source target plan "
    "similarity ems controls provenance"
)
SIDE = (
    "lang units subwords attribution subword_attribution mass special_share prediction f_input "
    "f_baseline completeness_error converged evaluations"
)
CONTROLS = (
    "ems_uniform ems_length ems_shuffled shuffled_sd p_value ems_unrelated gain gain_unrelated z "
    "calibrated link_spearman sign_agreement cross_segment_mass"
)


def pair_with(*options):
    """The usual pair with these options in the place of its own."""
    usual = dict(zip(PAIR[1::2], PAIR[2::2], strict=True))
    changed = dict(zip(options[::2], options[1::2], strict=True))
    return ["pair", *(word for option in {**usual, **changed}.items() for word in option)]


@pytest.fixture(autouse=True)
def loaded_once(model, monkeypatch):
    """The commands load the model they name; here the session's own copy stands for it."""
    from ccta_core.models import load

    real = load.load_model
    monkeypatch.setattr(load, "load_model", lambda name: model if name == model.id else real(name))


def test_pair_prints_the_documented_schema(capsys):
    assert main([*PAIR, *TEXTS, "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) >= set(TOP.split())
    assert set(found["controls"]) == set(CONTROLS.split())
    for side in (found["source"], found["target"]):
        assert set(side) >= set(SIDE.split())
        assert len(side["units"]) == len(side["attribution"]) == len(side["mass"])
        assert len(side["subwords"]) == len(side["subword_attribution"])
        assert sum(side["mass"]) == pytest.approx(1)
        assert sum(side["prediction"].values()) == pytest.approx(1)
        assert (side["focus"], side["given_focus"], side["windows"]) == ([], [], 1)
        for unit in side["units"]:
            text = side["text"] if unit["segment"] == 0 else side["text2"]
            assert unit["text"] == text[unit["start"] : unit["end"]]
    assert len(found["plan"]) == len(found["source"]["units"])
    assert len(found["plan"][0]) == len(found["target"]["units"])
    assert found["ems"] == pytest.approx(
        sum(
            t * c
            for row, cosines in zip(found["plan"], found["similarity"], strict=True)
            for t, c in zip(row, cosines, strict=True)
        )
    )
    assert found["target_class"] == max(
        found["source"]["prediction"], key=found["source"]["prediction"].get
    )
    assert found["source"]["converged"]
    test = found["permutation"]
    assert test["p_value"] == found["controls"]["p_value"]
    assert test["drawn"] >= found["n_shuffles"] == 9
    assert found["chance_level"] == found["controls"]["ems_unrelated"]
    assert PairResult.from_payload(found).to_json() == json.dumps(found, ensure_ascii=False)


def test_a_demo_text_needs_no_translation(capsys):
    source = "Marta was not at the wedding."
    assert main([*PAIR, "--source", source, "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["target"]["lang"] == "es"
    assert "boda" in found["target"]["text"]


def test_the_same_call_twice_is_read_from_the_cache(capsys, tmp_path):
    assert main([*PAIR, "--item", "lake-n", "--json", str(tmp_path / "1.json")]) == 0
    assert "loading" in capsys.readouterr().err
    assert (
        main(
            [
                *PAIR,
                "--item",
                "lake-n",
                "--json",
                str(tmp_path / "2.json"),
                "--html",
                str(tmp_path / "2.html"),
            ]
        )
        == 0
    )
    assert "loading" not in capsys.readouterr().err
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()
    assert (tmp_path / "2.html").read_text("utf-8").startswith("<!doctype html>") or (
        "<html" in (tmp_path / "2.html").read_text("utf-8")[:200]
    )


def test_a_damaged_cache_entry_is_computed_again(capsys, tmp_path):
    assert main([*PAIR, "--item", "lake-n", "--json", str(tmp_path / "1.json")]) == 0
    entry = next((Path(os.environ["CCTA_CACHE"]) / "results").rglob("*.json.gz"))
    entry.write_bytes(entry.read_bytes()[:100])
    assert main([*PAIR, "--item", "lake-n", "--json", str(tmp_path / "2.json")]) == 0
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()
    assert list(Path(os.environ["CCTA_CACHE"]).rglob("*.damaged"))


def test_a_cache_that_can_not_be_written_costs_nothing_but_the_saving(
    capsys, monkeypatch, tmp_path
):
    blocked = tmp_path / "a-file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("CCTA_CACHE", str(blocked))
    assert main([*PAIR, "--item", "lake-n", "--json", "-"]) == 0
    streams = capsys.readouterr()
    assert "was not kept" in streams.err
    assert json.loads(streams.out)["ems"] <= 1


def test_a_summary_is_printed_where_no_file_is_asked_for(capsys):
    assert main([*PAIR, *TEXTS]) == 0
    out = capsys.readouterr().out
    assert "ems_shuffled" in out
    assert "\x1b" not in out, "colours are for terminals"
    assert "English: " in out
    assert "The ferry was late." in out
    assert "mass: " in out
    assert "shuffled masses" in out
    assert "shuffles, standard error 0." in out or " arrangements)" in out


def test_on_a_terminal_the_words_of_a_summary_are_coloured():
    out = StringIO()
    console = Console(file=out, force_terminal=True, color_system="256", width=400)
    result = make_result(request_of())
    print_summary(result, console)
    largest = result.source.units[abs(result.source.scores).argmax()].text
    assert re.search(rf"\x1b\[1;38;[\d;]+;48;[\d;]+m{re.escape(largest)}\x1b", out.getvalue())
    assert result.verdict in out.getvalue()


def test_a_shell_is_told_how_a_line_may_go_on(tmp_path):
    def completed(line):
        told = tmp_path / "told"
        asked = {
            "_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)),
            "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_STDOUT_FILENAME": str(told),
        }  # fmt: skip
        command = [sys.executable, "-m", "ccta_core"]
        subprocess.run(command, env=os.environ | asked, check=True, timeout=120)
        return {word.strip() for word in told.read_text().split("\n")}

    assert completed("ccta st") == {"study"}
    assert completed("ccta pair --space ") == {"centered", "none", "procrustes"}


def test_the_page_is_opened_where_it_was_written(capsys, monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    page = tmp_path / "pair.html"
    assert main([*PAIR, *TEXTS, "--open", "--html", str(page)]) == 0
    assert opened == [page.as_uri()]
    assert main([*PAIR, *TEXTS, "--open"]) == 0
    text = Path(opened[1].removeprefix("file://")).read_text("utf-8")
    assert text == page.read_text("utf-8")
    assert capsys.readouterr().out == ""
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    assert main([*PAIR, *TEXTS, "--open"]) == 0
    assert "no browser opens here; the page is " in capsys.readouterr().err


def test_the_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"ccta {version('ccta-explorer')}\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([*PAIR, "--source", "", "--target", "x"], "is empty"),
        ([*PAIR, "--source", "   \n", "--target", "x"], "is empty"),
        ([*PAIR, "--source", "a\x00b", "--target", "x"], "U+0000"),
        ([*PAIR, "--source", "a\ud800", "--target", "x"], "lone surrogate"),
        ([*PAIR, "--source", "Something of my own.", "--json", "-"], "expected --target"),
        ([*PAIR], "expected --source"),
        ([*PAIR, "--item", "nothing-x"], "unknown item"),
        ([*PAIR, "--item", "lake-n", "--source", "x"], "--source a text of your own"),
        ([*PAIR, "--item", "lake-n", "--target-2", "y"], "--target-2 a text of your own"),
        (pair_with(*TEXTS, "--layer", "12"), "expected 0 to 11"),
        (pair_with(*TEXTS, "--layer", "-1"), "expected 0 to 11"),
        (pair_with(*TEXTS, "--layer", "two"), "invalid int"),
        ([*PAIR, *TEXTS, "--align-layer", "40"], "expected 0 to 12"),
        (pair_with(*TEXTS, "--model", "nobody"), "unknown model 'nobody'"),
        (pair_with(*TEXTS, "--model", "nobody/nothing"), "can't be loaded"),
        (pair_with(*TEXTS, "--model", "e5-small"), "no task head"),
        (pair_with(*TEXTS, "--target-lang", "xx"), "unknown language 'xx'"),
        ([*PAIR, *TEXTS, "--target-class", "maybe"], "unknown target class"),
        ([*PAIR, *TEXTS, "--space", "outer"], "invalid choice"),
        ([*PAIR, *TEXTS, "--method", "guess"], "invalid choice"),
        ([*PAIR, *TEXTS, "--source-answer", "time"], "classifies whole texts"),
        ([*PAIR, *TEXTS[:6]], "second text"),
        ([*PAIR, *TEXTS, "--json", "/nowhere/x.json"], "can't be written"),
        (["models", "info", "nobody"], "unknown model"),
        (["dashboard", "--port", "99999"], "out of range"),
        (["study", "run", "--name", "a", "--model", "x", "--model", "y"], "--model: given twice"),
        (["nonsense"], "invalid choice"),
        ([], "required"),
    ],
)
def test_bad_input_gives_one_line_and_exit_code_2(arguments, says, capsys):
    try:
        code = main(arguments)
    except SystemExit as stopped:
        code = stopped.code
    streams = capsys.readouterr()
    lines = [
        line
        for line in streams.err.splitlines()
        if line.strip() not in ("ccta: attributing",) and "ccta: loading" not in line
    ]
    assert code == 2, streams.err
    assert len(lines) == 1, streams.err
    assert says in lines[0]
    assert "Traceback" not in streams.err


def test_a_cache_folder_that_can_not_be_made_is_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path / "file" / "cache"))
    words = ["study", "run", "--name", "one", "--model", "e5-small/nli-en", "--data", "demo:nli"]
    assert main([*words, "--layers", "8", "--limit", "2"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "the cache folder" in error
    assert "set CCTA_CACHE to a folder that you may write to" in error


def test_texts_of_any_kind_come_out_as_they_went_in(capsys):
    odd = "<script>alert(1)</script> \u200fשלום\u200f 🙂 <s> e\u0301"
    texts = ["--source", odd, "--source-2", "🙂", "--target", odd, "--target-2", "🙂"]
    assert main([*PAIR, *texts, "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["source"]["text"] == odd


def test_ten_thousand_words_are_cut_and_said_to_be(capsys, tmp_path):
    many = "word " * 10_000
    texts = [
        "--source",
        many,
        "--target",
        many,
        "--layer",
        "11",
        "--shuffles",
        "0",
        "--unrelated",
        "0",
    ]
    assert main(pair_with(*texts, "--json", str(tmp_path / "x.json"))) == 0
    assert "cut to the model's 512 tokens" in capsys.readouterr().err
    assert json.loads((tmp_path / "x.json").read_text("utf-8"))["source"]["truncated"]


def test_models_list_and_info(capsys):
    assert main(["models", "list", "--json"]) == 0
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert {"id", "task", "training_language", "scores", "bytes", "licence"} == set(
        rows["e5-small"]
    )
    assert rows["e5-small/nli-en"]["training_language"] == "en"
    assert len(rows["e5-small/nli-en"]["scores"]) == 15
    assert main(["models", "info", "e5-small/nli-en"]) == 0
    assert "TaxiNLI" in capsys.readouterr().out


@pytest.mark.parametrize("warned", [True, False])
def test_a_processor_without_bfloat16_is_told(warned, monkeypatch, capsys):
    monkeypatch.setattr("ccta_core.models.processor.has_bfloat16", lambda: not warned)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert bool(bfloat16_warning("cpu")) is warned
    assert bfloat16_warning("cuda") == ""
    assert main(["doctor"]) == 0
    assert ("no instructions for bfloat16" in capsys.readouterr().out) is warned


def test_doctor(capsys):
    assert main(["doctor", "--json"]) == 0
    assert all(row["ok"] for row in json.loads(capsys.readouterr().out))


def test_every_command_has_help_with_an_example():
    for command in (["pair"], ["models", "list"], ["models", "info"], ["dashboard"], ["doctor"]):
        done = subprocess.run(
            [sys.executable, "-m", "ccta_core", *command, "--help"], capture_output=True, text=True
        )
        assert done.returncode == 0
        assert f"ccta {' '.join(command)}" in done.stdout.split("options:")[-1]
