"""Bad input of an adjustment: one clear line each, nothing lost."""

import json
from dataclasses import replace

import pytest
import torch

from ccta_core.adjustment import learning, objective
from ccta_core.adjustment.parallel import drop_overlap, read_parallel
from ccta_core.adjustment.run import resume, run
from ccta_core.adjustment.settings import list_runs, names, read_manifest
from ccta_core.adjustment.words import WordReader
from ccta_core.cli import main
from ccta_core.errors import CctaError
from ccta_core.models.catalog import catalog
from ccta_core.models.load import backbone
from tests.test_adjustment import pairs, quiet, settings_of, tiny  # noqa: F401 - fixtures

FREE = ["--held", "10", "--batch-size", "8", "--precision", "float32"]


def two_files(folder, foreign, english):
    for name, rows in (("es", foreign), ("en", english)):
        (folder / f"mine.{name}").write_text("".join(f"{row}\n" for row in rows), "utf-8")
    return f"{folder / 'mine.es'},{folder / 'mine.en'}"


def made(folder):
    """The made-up sentences of the fixture `pairs`, as two lists of lines."""
    return [(folder / f"made.{lang}").read_text("utf-8").splitlines() for lang in ("es", "en")]


def refused(tiny, spec, capsys, *flags):  # noqa: F811
    """The one line of `ccta adjust run` on this text; no run is left behind."""
    words = ["adjust", "run", "--name", "bad", "--lang", "es", "--model", str(tiny)]
    capsys.readouterr()
    assert main([*words, "--parallel", spec, *FREE, *flags]) == 2
    error = capsys.readouterr().err.strip().split("\n")[-1]
    assert error.startswith("ccta: ")
    assert "Traceback" not in error
    assert "bad" not in names()
    return error


def test_sides_of_unequal_length(tiny, tmp_path, capsys):  # noqa: F811
    spec = two_files(tmp_path, ["uno dos", "tres cuatro"], ["one two"])
    assert "has 2 lines and" in refused(tiny, spec, capsys)


def test_empty_and_repeated_lines_are_dropped_and_counted(tiny, pairs, tmp_path):  # noqa: F811
    foreign, english = made(tmp_path)
    foreign, english = [*foreign, "", foreign[0]], [*english, "A line alone.", english[0]]
    manifest = run(settings_of(tiny, two_files(tmp_path, foreign, english)), report=quiet)
    dropped = manifest["data"]["dropped"]
    assert dropped["empty side"] == 1
    assert dropped["pair that stands already above"] >= 1


def test_sentences_of_one_word_and_pairs_without_a_link(tiny, pairs, tmp_path):  # noqa: F811
    """Equal words are no links: a sentence of names alone has none."""
    foreign, english = made(tmp_path)
    same = ["Ahmed Ahmed", "Ahmed Ahmed Ahmed", "the the", "bread bread bread"]
    foreign, english = [*foreign, "pan", *same], [*english, "bread", *same]
    manifest = run(settings_of(tiny, two_files(tmp_path, foreign, english), held=10), report=quiet)
    assert manifest["data"]["dropped"]["side of one word"] == 1
    without = sum(manifest[name]["pairs_without_a_link"] for name in ("links", "held_links"))
    assert without >= len(same)


def test_nothing_but_pairs_without_a_link(tiny, tmp_path, capsys):  # noqa: F811
    words = ["storm", "late", "good", "on", "was", "left", "baked"]
    rows = [f"{a} {a} {b}" for a in words for b in words]
    assert "with a word link are left" in refused(tiny, two_files(tmp_path, rows, rows), capsys)


def test_a_language_the_tokenizer_does_not_know(tiny, pairs, tmp_path, capsys):  # noqa: F811
    _, english = made(tmp_path)
    foreign = ["ⴰⵣⵓⵍ ⴼⵍⵍⴰⵡⵏ ⴰⵎⴷⴷⴰⴽⵍ"] * len(english)
    spec = two_files(tmp_path, foreign, english)
    assert "the tokenizer does not know Spanish" in refused(tiny, spec, capsys)


def test_fewer_than_ten_pairs(tiny, pairs, tmp_path, capsys):  # noqa: F811
    foreign, english = made(tmp_path)
    spec = two_files(tmp_path, foreign[:12], english[:12])
    assert "usable pairs are too few" in refused(tiny, spec, capsys)
    assert "too few to warm up on" in refused(tiny, pairs, capsys, "--pairs", "9")
    assert "are left beside the" in refused(tiny, pairs, capsys, "--pairs", "5000")


def test_a_loss_that_is_not_finite_stops_at_the_last_good_state(tiny, pairs, monkeypatch):  # noqa: F811
    terms, calls = objective.adjustment_terms, []

    def broken(*args, **kwargs):
        calls.append(1)
        found = terms(*args, **kwargs)
        if len(calls) == 4:
            return replace(found, alignment=found.alignment * float("nan"))
        return found

    monkeypatch.setattr(objective, "adjustment_terms", broken)
    settings = settings_of(tiny, pairs)
    with pytest.raises(CctaError, match="not finite at step 4 of") as error:
        run(settings, report=quiet)
    assert "\n" not in str(error.value)
    manifest = read_manifest("made")
    assert (manifest["status"], manifest["steps"]) == ("stopped", 3)
    saved = torch.load(settings.folder / learning.CHECKPOINT, weights_only=True)
    assert all(torch.isfinite(tensor).all() for tensor in saved["weights"].values())
    assert "adjusted/made" not in catalog()
    assert [row["status"] for row in list_runs()] == ["stopped"]
    monkeypatch.setattr(objective, "adjustment_terms", terms)
    assert resume("made", report=quiet)["status"] == "finished"


def test_too_little_memory_says_what_would_fit(tiny, pairs, monkeypatch, capsys):  # noqa: F811
    parts = backbone(str(tiny))
    full, adapter = (learning.needed_bytes(parts, 20, full=full) for full in (True, False))
    assert full > adapter > 0
    assert learning.needed_bytes(parts, 40, full=False) > 2 * adapter - 2 * 10_000
    for free, flag, line in (
        (full - 1, ["--full"], "a low-rank adapter would fit"),
        (1000, ["--full"], "free memory, or choose a smaller model"),
        (1000, [], "free memory, or choose a smaller model"),
    ):
        monkeypatch.setattr(learning, "free_bytes", lambda free=free: free)
        sizes = {True: full, False: adapter}
        monkeypatch.setattr(learning, "needed_bytes", lambda *_, full, sizes=sizes: sizes[full])
        assert line in refused(tiny, pairs, capsys, *flag)


def test_a_name_in_use(tiny, pairs, capsys):  # noqa: F811
    run(settings_of(tiny, pairs), report=quiet)
    before = (settings_of(tiny, pairs).folder / "card.json").read_bytes()
    words = ["adjust", "run", "--name", "made", "--lang", "es", "--model", str(tiny)]
    assert main([*words, "--parallel", pairs]) == 2
    assert "stands for another adjustment" in capsys.readouterr().err
    assert (settings_of(tiny, pairs).folder / "card.json").read_bytes() == before


def test_pairs_of_the_test_data_are_left_out_or_refused(pairs, tmp_path):  # noqa: F811
    text = read_parallel((pairs,), "es")
    for count, allowed in ((3, False), (3, True), (len(text.pairs), True)):
        rows = [{"id": str(n), "lang": "es", "text": pair[0].upper()}
                for n, pair in enumerate(text.pairs[:count])]  # fmt: skip
        data = tmp_path / "test.jsonl"
        data.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        kept = drop_overlap(text, (f"file:{data}",), allowed=allowed)
        assert len(kept.pairs) == len(text.pairs) - (0 if allowed else count)
        assert [n for reason, n in kept.dropped.items() if "test set" in reason] == [count]
    with pytest.raises(CctaError, match="would mean nothing"):
        drop_overlap(text, (f"file:{data}",))


@pytest.mark.parametrize(
    ("test", "line"),
    [
        ("tatoeba:nowhere", "nowhere"),
        ("tatoba:x", "unknown data set 'tatoba'"),
        ("nonsense", "unknown data set 'nonsense'"),
        ("demo:nli#devv", "has no splits"),
        ("file:nowhere.csv", "nowhere.csv"),
    ],
)
def test_test_data_that_can_not_be_read_is_no_empty_test_data(test, line, tiny, pairs, capsys):  # noqa: F811
    """Else its sentences would be learnt from."""
    assert line in refused(tiny, pairs, capsys, "--test", test)


def test_test_data_without_the_language_holds_nothing_of_it(pairs):  # noqa: F811
    text = read_parallel([pairs], "es")
    text = replace(text, lang="bg")  # the demo corpus has no Bulgarian
    assert drop_overlap(text, ("demo:nli",)).pairs == text.pairs


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--device", "foo"], "there is no device 'foo'"),
        (["--lr", "2"], "learning_rate is 2.0"),
        (["--noise", "1.5"], "noise is 1.5"),
        (["--noise", "0.1", "--placebo"], "0 beside a placebo"),
        (["--layer", "9"], "layer 9 is out of range"),
        (["--anchor-weight", "-1"], "anchor_weight is -1.0"),
        (["--seed", "-1"], "seed is -1"),
        (["--epochs", "0"], "epochs is 0"),
        (["--full", "--rank", "4"], "has no rank"),
        (["--aligner", "magic"], "unknown aligner 'magic'"),
    ],
)
def test_settings_that_can_not_be_run(flags, line, tiny, pairs, capsys):  # noqa: F811
    assert line in refused(tiny, pairs, capsys, *flags)


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ("poems", "is no parallel text"),
        ("opus:nowhere#en-es", "expected a folder of line-parallel files"),
        ("file:nowhere.tsv", "nowhere.tsv"),
        ("a,b,c", "names 3 files"),
    ],
)
def test_specs_that_name_nothing(spec, line, tiny, capsys):  # noqa: F811
    assert line in refused(tiny, spec, capsys)


def test_punctuation_is_a_word_of_its_own(tiny):  # noqa: F811
    reader = WordReader(backbone(str(tiny)).tokenizer)
    words = reader.read(["The storm, late."] * 9 + ["Ahmed baked bread on Sundays."] * 30, "en")
    assert words[0].texts == ("The", "storm", ",", "late", ".")
    assert words[-1] == reader.read_tokens([("Ahmed", "baked", "bread", "on", "Sundays", ".")])[0]


def test_a_damaged_manifest_is_one_line_and_hides_no_other_run(tiny, pairs, capsys):  # noqa: F811
    settings = settings_of(tiny, pairs, "whole")
    run(settings, report=quiet)
    folder = settings.folder.parent / "torn"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}", "utf-8")
    with pytest.raises(CctaError, match="has no settings of a run"):
        read_manifest("torn")
    capsys.readouterr()
    assert main(["adjust", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["torn", "whole"]
    assert lines[0].endswith("damaged")
