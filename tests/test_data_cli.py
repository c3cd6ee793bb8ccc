import json
import subprocess
import sys

import pytest

from ccta_core.cli import main
from ccta_core.corpus.resolve import SOURCES


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        "id,lang,text,text2,label\n"
        "a,en,One,1,entailment\n"
        "a,es,Uno,1,entailment\n"
        "b,en,Two,2,neutral\n"
        "c,en,Three,3,\n",
        "utf-8",
    )
    return f"file:{path}"


def test_list_names_every_set_with_its_folder(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["data", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) >= {*SOURCES, "demo:nli", "file:PATH"}
    for row in rows.values():
        assert {"name", "what", "task", "splits", "folder", "present", "licence"} == set(row)
    assert rows["demo:nli"]["present"]
    assert not rows["xnli"]["present"]
    assert rows["xnli"]["folder"] == "../shared/data/xnli"
    assert main(["data", "list"]) == 0
    out = capsys.readouterr().out
    assert "../shared/data/xquad (not there) #all #train #heldout; CC BY-SA 4.0" in out


def test_list_sees_the_sets_that_are_there(capsys, monkeypatch, tmp_path, shared_data):
    (tmp_path / "root").mkdir()
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "data").symlink_to(shared_data.resolve())
    monkeypatch.chdir(tmp_path / "root")
    assert main(["data", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows if not row["present"]] == []


def test_check_counts_and_lists_what_is_left_out(capsys, mine):
    assert main(["data", "check", mine, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["languages"] == {
        "en": {"items": 2, "groups": 2, "labels": {"entailment": 1, "neutral": 1}},
        "es": {"items": 1, "groups": 1, "labels": {"entailment": 1}},
    }
    assert found["aligned"]["examples"] == 1
    assert found["left_out"] == [
        {"place": "mine.csv:5", "reason": "it has no gold label"},
        {"place": "mine.csv:4", "reason": "no counterpart in es"},
    ]
    assert (found["source"], found["task"], len(found["sha256"])) == ("file:mine.csv", "nli", 64)


def test_check_says_it_in_words(capsys, mine):
    assert main(["data", "check", mine, "--langs", "en,es"]) == 0
    out = capsys.readouterr().out
    assert "en  2 items; 2 groups; entailment 1, neutral 1" in out
    assert "in all 2 languages: 1 items" in out
    assert "left out: 2" in out
    assert "1 x no counterpart in es (mine.csv:4)" in out
    assert main(["data", "check", "demo:nli", "--langs", "en", "--limit", "3"]) == 0
    assert "en  3 items" in capsys.readouterr().out


def test_check_says_what_is_left_out_by_line_with_a_cap(capsys, tmp_path):
    """In the order of the file, the commonest reason first above; the rest is counted."""
    path = tmp_path / "mine.csv"
    rows = [f"{at},en,x{',' * (at % 2)}\n" for at in range(1, 60)]
    path.write_text("id,lang,text\n60,xx,odd\n" + "".join(rows), "utf-8")
    assert main(["data", "check", f"file:{path}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("left out: 31")
    assert lines[at + 1].startswith("  30 x expected 3 fields, found 4 (mine.csv:3, mine.csv:5, ")
    assert lines[at + 2] == "  1 x unknown language 'xx' (mine.csv:2)"
    assert lines[at + 3] == "left out by line:"
    assert lines[at + 4] == "  mine.csv:2   unknown language 'xx'"
    assert lines[at + 8] == "  mine.csv:9   expected 3 fields, found 4"
    assert lines[at + 9] == "  mine.csv:11  expected 3 fields, found 4"
    assert lines[at + 24] == "  and 11 more: --json lists them all"
    assert main(["data", "check", f"file:{path}", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["left_out"]) == 31


def test_check_says_nothing_by_line_where_nothing_is_left_out(capsys):
    assert main(["data", "check", "demo:nli", "--langs", "en", "--limit", "3"]) == 0
    out = capsys.readouterr().out
    assert "left out: 0" in out
    assert "by line" not in out


def test_check_says_why_languages_are_not_aligned(capsys, tmp_path):
    for lang in ("en", "zh"):
        (tmp_path / f"dev-{lang}.tsv").write_text("Bo\tI-PER\n", "utf-8")
    assert main(["data", "check", f"panx:{tmp_path}"]) == 0
    out = capsys.readouterr().out
    assert "not aligned: the languages of panx are not translations" in out
    assert "2 x an entity began with I-: now with B- (dev-en.tsv:1, dev-zh.tsv:1)" in out
    assert "en  1 items; 1 groups; PER 1" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["list", "--langs", "en"], "unrecognized arguments"),
        (["check"], "required"),
        (["check", "nothing"], "unknown data set 'nothing'; expected one of: demo file xnli"),
        (["check", "demo:nothing"], "unknown demo corpus"),
        (["check", "demo:nli#dev"], "has no splits"),
        (["check", "demo:nli", "--langs", "xx"], "has no xx here"),
        (["check", "demo:nli", "--langs", ","], "no language"),
        (["check", "demo:nli", "--limit", "0"], "expected 1 or more"),
        (["check", "demo:nli", "--limit", "few"], "invalid int"),
        (["check", "xnli#train"], "has no split 'train'; expected one of: dev test"),
        (["check", "xnli"], "name its folder as xnli:FOLDER#dev"),
        (["check", "xnli:nowhere"], "in the folder nowhere, which is not there"),
        (["check", "xnli:."], "expected XNLI as dev-*.tsv in ., found mine.csv"),
        (["check", "squad:."], "expected SQuAD 1.1 as"),
        (["check", "file:none.csv"], "expected a file at none.csv"),
        (["check", "file:mine.csv", "--langs", "de"], "has no item in de"),
        ([], "required"),
    ],
)
def test_bad_input_gives_one_line_and_exit_code_2(arguments, says, capsys, mine, monkeypatch):
    monkeypatch.chdir(mine.removeprefix("file:").removesuffix("/mine.csv"))
    try:
        code = main(["data", *arguments])
    except SystemExit as stopped:
        code = stopped.code
    streams = capsys.readouterr()
    assert code == 2, streams.err
    assert len(streams.err.splitlines()) == 1, streams.err
    assert says in streams.err
    assert streams.out == ""


def test_every_command_has_help_with_an_example():
    for command in (["data", "list"], ["data", "check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ccta_core", *command, "--help"], capture_output=True, text=True
        )
        assert done.returncode == 0
        assert f"ccta {' '.join(command)}" in done.stdout.split("options:")[-1]


def test_the_readers_start_without_torch_or_datasets():
    code = (
        "import sys, ccta_core.corpus.spec, ccta_core.cli.data; "
        "print([m for m in ('torch', 'transformers', 'datasets', 'pyarrow', 'pandas') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
