"""Faithfulness: the orders, their bounds, what removing units does, rows that survive a kill."""

import argparse
import csv
import io
import json
from dataclasses import replace
from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ccta_core.analysis.intervals import clustered_interval
from ccta_core.attribution.readings import Reading
from ccta_core.cli import faithfulness as command
from ccta_core.config import Config, Quadrature, cache_root
from ccta_core.errors import CctaError, StoppedError
from ccta_core.faithfulness import removal
from ccta_core.faithfulness.bounds import search_orders
from ccta_core.faithfulness.measure import measure, measure_items, short_items
from ccta_core.faithfulness.orders import (
    aopc,
    deletion_curve,
    flip_rank,
    insertion_curve,
    order_of,
    random_orders,
    removed_sets,
)
from ccta_core.faithfulness.removal import Removals
from ccta_core.faithfulness.report import ALL, GAP, MEASURES, faithfulness, report_on, table_of
from ccta_core.faithfulness.rows import RowFile
from ccta_core.faithfulness.settings import (
    CONTROLS,
    LENGTH,
    POSITION,
    RANDOM,
    FaithfulnessDesign,
    Noise,
    Search,
    settings_of,
)
from ccta_core.faithfulness.tables import faithfulness_verdict, markdown, table
from ccta_core.models.heads import Target
from ccta_core.pipeline.sentences import forward, select_targets
from ccta_core.sensitivity.settings import Setting
from ccta_core.types import ParallelExample, Sentence
from tests.heads import tiny
from tests.small_models import LONG, MASK, PAD

QUICK = Config(shuffles=0, quadrature=Quadrature(max_points=9))
TEXTS = {
    "en": ("The ferry is late.", "Rain fell.", "Two boats, one bay", "A long walk home today"),
    "es": ("El barco llega tarde.", "Llueve.", "Dos barcos", "Un largo paseo a casa"),
}
WAYS = (
    Setting("lig", 0, "pad", "abs"),
    Setting("lig", 0, "pad", "positive"),
    Setting("gradient_norm", 1, None, "abs"),
    Setting("rollout", 0, None, "abs"),
)


def items(count=4, second=True):
    return tuple(
        ParallelExample(
            f"i{number}",
            f"g{number // 2}",
            "paraphrase",
            {
                lang: Sentence(texts[number], lang, texts[number - 1] if second else None)
                for lang, texts in TEXTS.items()
            },
        )
        for number in range(count)
    )


def design(**changes):
    given_ = {"items": items(), "languages": ("en", "es"), "settings": WAYS, "config": QUICK}
    return FaithfulnessDesign(**(given_ | changes))


@pytest.fixture(scope="module")
def classes():
    return tiny("paraphrase")


@pytest.fixture(scope="module")
def records(classes):
    plan = design(replacements=("pad", "mask"), noise=Noise(0.1, 2))
    return measure_items(classes, plan, plan.items)


def values_of(n, seed=0):
    """A made-up model: a value for each set of removed units."""
    return dict(enumerate(np.random.default_rng(seed).random(1 << n)))


def run_search(n, values, search):
    """The extremes, and the sets that were asked for."""
    searching, asked = search_orders(n, search), set()
    wanted = next(searching)
    while True:
        asked |= set(wanted)
        try:
            wanted = searching.send({removed: values[removed] for removed in asked})
        except StopIteration as end:
            return end.value, asked


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(0, 2**20), st.integers(1, 4))
def test_the_bounds_are_those_of_all_orders(n, seed, width):
    values = values_of(n, seed)
    means = [values[0] - aopc(values, order) for order in permutations(range(n))]
    exact, asked = run_search(n, values, Search(exact=8))
    assert exact.exact
    assert (exact.lowest, exact.highest) == pytest.approx((min(means), max(means)))
    assert asked == set(range(1, 1 << n))
    wide, _ = run_search(n, values, Search(width=1000, exact=1))
    assert (wide.lowest, wide.highest) == pytest.approx((min(means), max(means)))
    beam, asked = run_search(n, values, Search(width=width, exact=1))
    assert min(means) - 1e-9 <= beam.lowest <= beam.highest <= max(means) + 1e-9
    assert len(asked) <= 2 * width * n * (n + 1) // 2 + n


def test_a_greedy_beam_reads_little_of_a_long_text():
    class Additive(dict):
        def __missing__(self, removed):
            return -sum(unit for unit in range(30) if removed >> unit & 1)

    found, asked = run_search(30, Additive(), Search(width=1))
    assert not found.exact
    assert len(asked) <= 30 * 31
    best = aopc(Additive(), tuple(range(29, -1, -1)))
    assert -found.lowest == pytest.approx(best)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(0, 2**20))
def test_every_order_lies_between_the_bounds_and_is_turned_round_by_sufficiency(n, seed):
    values = values_of(n, seed)
    bounds, _ = run_search(n, values, Search())
    order = tuple(np.random.default_rng(seed).permutation(n).tolist())
    for one in (order, order[::-1]):
        area = aopc(values, one)
        assert values[0] - bounds.highest - 1e-9 <= area <= values[0] - bounds.lowest + 1e-9
    deletion, insertion = deletion_curve(values, order), insertion_curve(values, order)
    assert deletion[0] == insertion[-1] == values[0]
    assert deletion[-1] == insertion[0] == values[(1 << n) - 1]
    assert aopc(values, order) == pytest.approx(values[0] - np.mean(deletion[1:]))
    assert aopc(values, order[::-1]) == pytest.approx(values[0] - np.mean(insertion[:-1]))


def test_random_orders_average_to_the_mean_of_all_orders():
    values = values_of(5)
    every = np.mean([aopc(values, order) for order in permutations(range(5))])
    drawn = [aopc(values, tuple(order)) for order in random_orders(5, 3000, 1, "a")]
    assert np.mean(drawn) == pytest.approx(every, abs=4 * np.std(drawn) / np.sqrt(3000))
    turned = [aopc(values, tuple(order[::-1])) for order in random_orders(5, 3000, 1, "a")]
    assert np.mean(drawn) == pytest.approx(np.mean(turned), abs=0.02)
    assert (random_orders(5, 2, 1, "a")[0] == random_orders(5, 1, 1, "a")[0]).all()
    assert any((random_orders(9, 1, 1, "a")[0] != random_orders(9, 1, *other)[0]).any()
               for other in ((2, "a"), (1, "b")))  # fmt: skip


def test_equal_masses_follow_the_ties():
    assert order_of(np.array([0.2, 0.0, 0.8, 0.0]), np.array([0, 3, 1, 2])) == (2, 0, 3, 1)
    assert removed_sets((2, 0, 1)) == [4, 5, 7]


class ToyModel:
    """Predicts class 1 while the word of token 14 is in the text."""

    id = "toy"
    info = SimpleNamespace(outputs="classes")
    tokenizer = SimpleNamespace(pad_token_id=PAD, mask_token_id=MASK)

    def __init__(self):
        self.read_ids = []

    def __call__(self, _model, encoded, _layers, *, stop, precision):
        self.read_ids += [item.ids.tolist() for item in encoded]
        signs = [1.0 if 14 in item.ids else -1.0 for item in encoded]
        return [Reading(torch.tensor([[-2 * sign, 2 * sign]]), {}) for sign in signs]


@pytest.fixture
def toy(monkeypatch):
    model = ToyModel()
    monkeypatch.setattr(removal, "read", model)
    explained = SimpleNamespace(target=Target(((0, 1),)))
    return model, Removals(model, [SimpleNamespace(encoded=LONG, explained=explained)], "pad")


def test_the_one_word_that_counts_is_worth_everything(toy):
    model, removals = toy
    n = removals.units[0]
    assert n == 5
    (bounds,) = removals.extremes(Search())
    values, kept = removals.probability[0], removals.kept[0]
    removals.read([(0, 0)])
    high, low = 1 / (1 + np.exp(-4)), 1 / (1 + np.exp(4))
    assert values[0] == pytest.approx(high)
    first, last = (2, 0, 1, 3, 4), (0, 1, 3, 4, 2)  # token 14 is unit 2
    assert aopc(values, first) == pytest.approx(high - low)
    assert aopc(values, first) == pytest.approx(values[0] - bounds.lowest)
    assert aopc(values, first[::-1]) == pytest.approx((high - low) / n)
    assert values[0] - bounds.highest == pytest.approx((high - low) / n)
    assert flip_rank(kept, first) == 1 / n
    assert flip_rank(kept, last) == 1
    assert removals.margin[0][0] == pytest.approx(4)
    # Specials stay, every subword of a unit goes, each set is read once.
    assert sorted(map(tuple, model.read_ids)) == sorted(set(map(tuple, model.read_ids)))
    assert len(model.read_ids) == 2**n
    assert all(ids[0] == LONG.ids[0] and ids[-1] == LONG.ids[-1] for ids in model.read_ids)
    removals.read([(0, 0b01000)])
    whole = LONG.ids.tolist()
    assert [*whole[:5], PAD, PAD, PAD, *whole[8:]] in model.read_ids


def test_what_is_not_predicted_cannot_flip(toy):
    model, _ = toy
    explained = SimpleNamespace(target=Target(((0, 0),)))
    removals = Removals(model, [SimpleNamespace(encoded=LONG, explained=explained)], "mask")
    removals.read((0, removed) for removed in (0, *removed_sets((2, 0, 1, 3, 4))))
    assert flip_rank(removals.kept[0], (2, 0, 1, 3, 4)) is None
    assert flip_rank(dict.fromkeys((0, 1, 3), True), (0, 1)) == 1


def test_scores_have_no_probability(toy):
    scores = SimpleNamespace(id="toy", info=SimpleNamespace(outputs="scores"))
    with pytest.raises(CctaError, match="no probability"):
        Removals(scores, [], "pad")


def inputs_of(model, sentences):
    return select_targets(model, forward(model, sentences, [0]), "each", [0])


SENTENCES = {
    "paraphrase": Sentence("The ferry is late.", "en", "The boat is late."),
    "qa": Sentence("Who sings?", "en", "On Monday Anna sings."),
    "ner": Sentence("Anna went to Oslo.", "en"),
}


@pytest.mark.parametrize("task", SENTENCES)
def test_probabilities_are_the_models_own_for_every_task(task):
    """Against a forward pass by hand, unit 1 replaced."""
    model = tiny(task)
    (item,) = inputs_of(model, [SENTENCES[task]])
    removals = Removals(model, [item], "mask")
    removals.read([(0, 0b10)])
    ids = item.encoded.ids.clone()
    ids[list(item.encoded.maps[0].members[1])] = model.tokenizer.mask_token_id
    with torch.inference_mode():
        output = model.hf_model(
            input_ids=ids[None],
            attention_mask=torch.ones_like(ids)[None],
            token_type_ids=item.encoded.type_ids[None],
        )
    if task == "qa":
        (first, _), (last, _) = item.explained.target.places
        start, end = output.start_logits[0].softmax(0), output.end_logits[0].softmax(0)
        expected = float((start[first] * end[last]).sqrt())
        kept = int(start.argmax()) == first and int(end.argmax()) == last
    else:
        logits = output.logits if task == "ner" else output.logits[:, None]
        shares, places = logits[0].softmax(-1), item.explained.target.places
        expected = float(torch.stack([shares[place].log() for place in places]).mean().exp())
        kept = all(int(shares[position].argmax()) == column for position, column in places)
    assert removals.probability[0][0b10] == pytest.approx(expected, abs=1e-6)
    assert removals.kept[0][0b10] == kept


def test_texts_may_be_read_in_bfloat16():
    model = tiny("paraphrase")
    read = inputs_of(model, [SENTENCES["paraphrase"]])
    exact, rough = (Removals(model, read, "pad", precision) for precision in ("fp32", "bf16"))
    for removals in (exact, rough):
        removals.read((0, removed) for removed in range(16))
    values = [np.array(list(removals.probability[0].values())) for removals in (exact, rough)]
    np.testing.assert_allclose(*values, atol=0.03)
    assert (values[0] != values[1]).any()


@pytest.mark.parametrize("task", ["paraphrase", "ner"])
def test_a_batch_is_its_singles(task):
    model = tiny(task)
    plan = design(
        items=items(3, second=task != "ner"), settings=(WAYS[0],), replacements=("pad",), draws=2
    )
    together = measure_items(model, plan, plan.items)
    alone = [measure_items(model, plan, [item])[0] for item in plan.items]
    numbers = [name for name in MEASURES if name not in ("mass_change",)]
    one, other = (table_of(rows)[numbers].to_numpy(float) for rows in (together, alone))
    np.testing.assert_allclose(one, other, atol=2e-4)  # rounding, over a small room


def test_every_row_has_every_ranking(records):
    record = records[0]
    assert {cell["lang"] for cell in record["cells"]} == {"en", "es"}
    for cell in record["cells"]:
        for replaced in cell["replacements"].values():
            names = [entry["ranking"] for entry in replaced["rankings"]]
            assert names == [*map(str, WAYS), RANDOM, RANDOM, RANDOM, LENGTH, POSITION]
            for entry in replaced["rankings"]:
                assert len(entry["deletion"]) == len(entry["insertion"]) == cell["units"] + 1
                assert 0 <= entry["normalised_comprehensiveness"] <= 1
                assert 0 <= entry["normalised_sufficiency"] <= 1
                assert entry["deletion"][0] == replaced["probability"]
        assert set(cell["replacements"]) == {"pad", "mask"}


def test_noise_moves_masses_but_not_rollout(records):
    changes = records[1]["cells"][0]["mass_change"]
    assert set(changes) == {str(way) for way in WAYS[:3]}
    assert all(0 < change <= 2 for change in changes.values())


def test_texts_of_one_unit_are_left_out(classes, tmp_path):
    single = items(3, second=False)[1]
    short = replace(single, sentences={"en": Sentence("Rain.", "en")})
    plan = design(items=(short,) * 3, languages=("en",), settings=WAYS[2:3])
    assert measure_items(classes, plan, plan.items)[0]["cells"] == []
    facts = plan.facts("m", "r")
    with pytest.raises(CctaError, match="no units are left to remove"):
        measure(classes, plan, RowFile(tmp_path / "rows", facts))


def test_short_items_are_chosen_by_their_longest_language(classes):
    found = short_items(classes, items(), ("en", "es"), 6)
    assert [item.id for item in found] == ["i1", "i2"]
    with pytest.raises(CctaError, match="no item has at most 1 units in en es"):
        short_items(classes, items(), ("en", "es"), 1)


def test_a_killed_run_goes_on_to_the_same_rows(classes, tmp_path):
    plan = design(items=items(3), settings=WAYS[2:3], draws=1)
    facts = plan.facts(classes.id, classes.revision)
    whole, killed = (RowFile(tmp_path / name, facts) for name in ("whole", "killed"))
    lines = []
    expected = measure(classes, plan, whole, lines.append)
    assert [record["item"] for record in expected] == ["i0", "i1", "i2"]
    assert lines[0].startswith("2/3 items, ")
    told = []
    with pytest.raises(StoppedError):
        measure(classes, plan, killed, told.append, lambda: bool(told))
    kept = killed.path.read_bytes()
    assert whole.path.read_bytes().startswith(kept)
    assert kept.count(b"\n") == 3
    # Killed in the middle of a line, after half of a chunk.
    killed.path.write_bytes(kept + b'{"item": "i2", "cel')
    assert measure(classes, plan, killed, told.append) == expected
    assert told[1] == "2 of 3 items were measured before"
    assert killed.path.read_bytes() == whole.path.read_bytes()
    calls = len(told)
    assert measure(classes, plan, killed, told.append) == expected
    assert len(told) == calls + 1
    other = RowFile(killed.path, replace(plan, draws=2).facts(classes.id, classes.revision))
    with pytest.raises(CctaError, match="other settings, items or another model"):
        other.read(2, 3)
    (tmp_path / "text").write_text("no rows")
    with pytest.raises(CctaError, match="not a file of rows"):
        RowFile(tmp_path / "text", facts).read(2, 3)
    with pytest.raises(CctaError, match="can't be written"):
        RowFile(tmp_path / "text" / "rows", facts).append([])


def test_a_layer_that_is_not_there_is_named(classes, tmp_path):
    plan = design(settings=(Setting("lig", 7, "pad", "abs"),))
    with pytest.raises(CctaError, match="layer 7 is out of range"):
        measure(classes, plan, RowFile(tmp_path / "rows", {}))


def test_the_gold_class_may_be_explained(classes):
    plan = design(target="gold", settings=WAYS[2:3], items=items(3))
    assert measure_items(classes, plan, plan.items[:1])[0]["cells"][0]["explained"] == "paraphrase"
    unknown = replace(plan.items[0], label="yes")
    with pytest.raises(CctaError, match="explain the predicted class"):
        measure_items(classes, plan, [unknown])


@pytest.fixture(scope="module")
def report(classes, records):
    plan = design(replacements=("pad", "mask"), noise=Noise(0.1, 2), corpus="made")
    return report_on(classes, plan, records)


def test_the_report_is_the_rows(report, records):
    entries = [
        (record["group"], replaced["rankings"])
        for record in records
        for cell in record["cells"]
        if cell["lang"] == "es"
        for kind, replaced in cell["replacements"].items()
        if kind == "mask"
    ]
    own = np.array([rankings[0]["sufficiency"] for _, rankings in entries])
    random = np.array(
        [np.mean([entry["sufficiency"] for entry in rankings[4:7]]) for _, rankings in entries]
    )
    groups = [group for group, _ in entries]
    row = next(
        row
        for row in report.rows()
        if (row.ranking, row.replacement, row.lang) == (str(WAYS[0]), "mask", "es")
    )
    assert row.means["sufficiency"].value == pytest.approx(own.mean())
    difference = row.against_random["sufficiency"]
    assert difference.value == pytest.approx((own - random).mean())
    assert (difference.low, difference.high) == pytest.approx(
        clustered_interval(own - random, groups)
    )
    assert row.means["sufficiency"].n == len(own)
    gap = row.means[GAP].value
    assert gap == pytest.approx(
        row.means["normalised_comprehensiveness"].value - row.means["normalised_sufficiency"].value
    )
    assert report.rankings == (*map(str, WAYS), *CONTROLS)
    assert (report.items, report.groups) == (4, 2)


def test_json_csv_and_pages_hold_every_ranking(report):
    payload = json.loads(report.to_json())
    assert len(payload["rows"]) == 2 * 3 * 7
    lines = list(csv.DictReader(io.StringIO(report.to_csv())))
    assert [line["ranking"] for line in lines] == [row["ranking"] for row in payload["rows"]]
    assert float(lines[0][GAP]) == payload["rows"][0][GAP]
    assert lines[4]["ranking"] == RANDOM
    assert lines[4][f"against_random_{GAP}"] == ""
    setting = report.settings[0]
    for text in (table(report, setting), markdown(report, setting, "ccta faithfulness")):
        assert all(line in text for line in faithfulness_verdict(report, setting))
        assert "units replaced by mask" in text.lower()
        assert all(name in text for name in report.rankings)
    widths = {
        line.count("|") for line in markdown(report, setting, "").splitlines() if line[:3] == "| ("
    }
    assert len(widths) == 2


def test_the_verdict_says_which_setting_is_best(report):
    lines = faithfulness_verdict(report, str(WAYS[0]))
    assert "From 2 groups of items no interval is reliable" in lines[0]
    assert not any("are better" in line for line in lines)
    best = [
        max(
            report.settings,
            key=lambda name: report.estimate(GAP, "pad", lang, name).value,
        )
        for lang in report.languages
    ]
    count = best.count(str(WAYS[0]))
    assert lines[0].startswith(f"Is {WAYS[0]} the most faithful of the 4 settings, units replaced")
    assert f"largest normalised gap in {count} of 2 languages" in lines[0]
    assert lines[1].startswith("All languages: gap ")
    many = replace(report, values=pd.concat(
        [report.values.assign(group=f"{number}", item=f"{number}") for number in range(12)]
    ).drop_duplicates(["item", "lang", "replacement", "ranking"]))  # fmt: skip
    told = faithfulness_verdict(many, str(WAYS[0]))
    assert "; another setting is better, beyond the interval, in " in told[0]
    differences = [many.estimate(GAP, "pad", "en", str(way), str(WAYS[0])) for way in WAYS[1:]]
    better = sum(difference.low > 0 for difference in differences)
    assert f"{better} of 3 other settings are better" in told[2]
    alone = replace(report, settings=report.settings[:1])
    assert "others" not in " ".join(faithfulness_verdict(alone, alone.settings[0]))
    assert report.estimate("mass_change", "pad", ALL, RANDOM) is None


def test_settings_are_those_that_were_asked_for():
    found = settings_of(["rollout", "lig"], [8], ["pad"], ["abs", "norm"])
    assert found == (
        Setting("rollout", 8, None, "abs"),
        Setting("lig", 8, "pad", "abs"),
        Setting("lig", 8, "pad", "norm"),
    )


def run(*flags):
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    options = parser.parse_args(["faithfulness", *flags])
    options.run(options)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--methods", "lime"), "unknown method 'lime'; expected one of: lig"),
        (("--methods", "rollout", "--masses", "norm"), "rollout has no mass norm; expected one of"),
        (("--methods", "captum", "--baselines", "zero"), "captum has no baseline zero; expected"),
        (("--layers", "0,x"), "'x' is no layer"),
        (("--masses", "square"), "unknown mass 'square'"),
        (("--replace", "blank"), "unknown replacement 'blank'; expected one of: pad, mask"),
        (("--replace", ","), "--replace is empty"),
        (("--languages", "xx"), "xx"),
        (("--languages", "ko"), "ko"),
        (("--data", "nowhere:at"), "nowhere"),
        (("--limit", "2"), "expected --limit 3 or more"),
        (("--random", "0"), "0 random rankings"),
        (("--beam", "0"), "expected 1 to 1000"),
        (("--exact", "20"), "expected 1 to 14"),
        (("--noise", "2"), "expected 0 to 1"),
        (("--max-points", "3"), "at least 9 for max_points"),
        (("--model", "nowhere"), "unknown model 'nowhere'"),
        (("--csv", "no-folder/a.csv"), "no-folder is no folder); name another file"),
    ],
)
def test_bad_input_is_one_line(flags, message):
    with pytest.raises(CctaError) as caught:
        run(*flags)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command_writes_what_was_asked_for(classes, monkeypatch, tmp_path, capsys):
    from ccta_core.models import load

    monkeypatch.setattr(load, "load_model", lambda _name: classes)
    flags = ["--data", "demo:paraphrase", "--limit", "3", "--languages", "en", "--layers", "1"]
    flags += ["--methods", "gradient_norm", "--random", "1", "--beam", "1", "--most-units", "24"]
    data, rows, page, sheet = (tmp_path / name for name in ("a.json", "rows", "a.md", "a.csv"))
    run(*flags, "--json", str(data), "--csv", str(sheet), "--markdown", str(page),
        "--rows", str(rows))  # fmt: skip
    payload = json.loads(data.read_text("utf-8"))
    assert payload["settings"] == ["gradient_norm layer 1 abs"]
    assert payload["items"] == 3
    assert rows.read_bytes().count(b"\n") == 4
    assert "--methods gradient_norm" in page.read_text("utf-8")
    assert sheet.read_text("utf-8").startswith("ranking,replacement,lang,")
    told = capsys.readouterr()
    assert told.out == ""
    assert "3/3 items" in told.err
    run(*flags, "--rows", str(rows))
    again = capsys.readouterr()
    assert "3 of 3 items were measured before" in again.err
    assert again.out.splitlines()[2].startswith("gradient_norm layer 1 abs")
    kept = faithfulness(classes, design(settings=WAYS[2:3], items=items(3)))
    assert kept.items == 3


def test_kept_rows_are_taken_into_another_cache(tmp_path, monkeypatch):
    from research.documents.faithfulness import keep_rows, take_rows

    rows = cache_root() / "faithfulness"
    rows.mkdir(parents=True)
    (rows / "one.jsonl").write_text('{"rows": 1}\n{"item": "a"}\n')
    (rows / "none.jsonl").write_text('{"rows": 1}\n')
    keep_rows(tmp_path / "kept")
    monkeypatch.setenv("CCTA_CACHE", str(tmp_path / "another"))
    take_rows(tmp_path / "kept")
    assert [path.name for path in (cache_root() / "faithfulness").iterdir()] == ["one.jsonl"]
    (cache_root() / "faithfulness" / "one.jsonl").write_text("measured further")
    take_rows(tmp_path / "kept")
    assert (cache_root() / "faithfulness" / "one.jsonl").read_text() == "measured further"
