"""What a study will cost: the formula of docs/scaling.md, the machine's own pace, --dry-run."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ccta_core.cli import main
from ccta_core.config import cache_root
from ccta_core.corpus.demo import read_demo
from ccta_core.study.cost import PAIR, SIDES, Pace, cost_of, estimate, length_of, pace_here, side
from ccta_core.study.run.progress import LAUNCHED, PROGRESS, STOPPED, runs_of, write_event
from ccta_core.study.run.status import LOG
from ccta_core.study.storage.texts import examples_of
from ccta_core.text import duration, size
from ccta_core.types import Sentence
from tests.made_study import made_study

SCALING = Path(__file__).parents[1] / "docs" / "scaling.md"
SIZES = re.compile(
    r"\| ([\d,]+) \| (\d+) \| ([\d ]+) \| (\d+) \| [\d.]+ \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|"
    r" ([\d,]+) \| ([\d.]+) \|"
)


def table():
    rows = [match.groups() for match in SIZES.finditer(SCALING.read_text("utf-8"))]
    assert len(rows) == 6
    return rows


def number(text):
    return int(text.replace(",", ""))


@pytest.mark.parametrize("row", table(), ids=lambda row: f"{row[0]} items {row[3]} models")
def test_the_estimate_is_the_documents_table(row):
    items, languages, layers, models, *hours, _, gigabytes = row
    given = (int(models), number(items), int(languages), tuple(map(int, layers.split())))
    for cores, told in zip((2, 16, 128), hours, strict=True):
        found = estimate(*given, cores)
        assert found.seconds / 3600 == pytest.approx(float(told), rel=0.05)
        assert found.bytes / 1e9 == pytest.approx(float(gigabytes), rel=0.05)


def test_the_measured_figures_are_those_of_the_document():
    text = SCALING.read_text("utf-8")
    for layer, seconds in SIDES.items():
        assert f"| {layer} | {seconds:.3f} | {PAIR:.3f}"[:14] in text
        assert side(layer) == seconds


def test_layers_between_the_measured_ones_are_interpolated():
    assert side(0) > side(2) > side(4) > side(6) > side(8) > side(10) > side(11)
    assert side(6) == pytest.approx((SIDES[4] + SIDES[8]) / 2)
    assert side(12) == side(23) == SIDES[11]


def test_more_of_anything_costs_more_and_cores_beyond_the_parts_nothing_less():
    least = estimate(1, 36, 2, (8,), 1)
    for more in ((2, 36, 2, (8,)), (1, 72, 2, (8,)), (1, 36, 3, (8,)), (1, 36, 2, (8, 11))):
        found = estimate(*more, 1)
        assert found.seconds > least.seconds
        assert found.bytes > least.bytes
    assert estimate(1, 36, 2, (8,), 2).seconds == estimate(1, 36, 2, (8,), 64).seconds
    assert estimate(1, 36, 2, (8,), 2).seconds == pytest.approx(least.seconds / 2)


def test_the_formula_can_be_checked_by_hand():
    cost = estimate(1, 60, 4, (8, 11), 2)
    assert cost.formula.startswith("60 items x 1 model x (4 languages x (0.166 + 0.046) s + 12")
    assert cost.seconds == pytest.approx(60 * (4 * 0.212 + 12 * 0.0026) / 2, rel=1e-6)
    assert estimate(0, 0, 2, (8,), 2).seconds == 0


def test_longer_texts_cost_more_and_it_is_said():
    assert length_of(read_demo("nli")) == pytest.approx(1.0)
    twice = [replace_texts(item) for item in read_demo("nli")]
    assert length_of(twice) == pytest.approx(2.0, rel=0.02)
    assert length_of([]) == 1.0
    short, long = estimate(1, 60, 4, (8,), 2), estimate(1, 60, 4, (8,), 2, length=2.0)
    assert long.seconds == pytest.approx(60 * (4 * 0.332 + 6 * 0.0026 * 2**1.6) / 2, rel=1e-6)
    assert long.formula.endswith("texts 2.0 times as long as the demo's")
    assert "times" not in short.formula


def replace_texts(item):
    sides = {
        lang: Sentence(f"{side.text} {side.text}", lang, f"{side.text2} {side.text2}")
        for lang, side in item.sentences.items()
    }
    return replace(item, sentences=sides)


def test_a_pace_scales_the_seconds_and_says_whose_it_is():
    cost = estimate(1, 60, 4, (8,), 2)
    slower = cost.paced(Pace(2.0, "first"))
    assert slower.seconds == pytest.approx(2 * cost.seconds)
    assert slower.bytes == cost.bytes
    assert slower.formula.endswith("x 2.00, the pace of first")
    assert cost.paced(None) is cost


def recorded(name, points, workers=1):
    """A made study of a chunk of 18 items, with runs that were at (done, items, seconds)."""
    study = made_study(cache_root() / "studies", name=name, items=18, layers=(8,))
    for done, items, seconds in points:
        write_event(
            study.folder, PROGRESS, done=done, total=9, items=items, seconds=seconds, before=0,
            workers=workers,
        )  # fmt: skip
    return study


def points_of(factor, study, parts=4):
    """A run `factor` times as slow as the formula, after 40 seconds of start."""
    length = length_of(list(examples_of(study).values()))
    each = cost_of(study.manifest, 1, length).seconds / len(study.manifest.models) * factor
    return [(0, 0, 0.0), *((done, 18 * done, 40 + each * done) for done in range(1, parts + 1))]


def test_the_pace_is_read_from_progress_without_the_start():
    study = recorded("model", [])
    recorded("slow", points_of(20.0, study))
    pace = pace_here()
    assert pace.source == "slow"
    assert pace.factor == pytest.approx(20.0)


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(0, 0, 0.0)],
        [(0, 0, 0.0), (1, 18, 36.0)],
        [(0, 0, 0.0), (1, 18, 2.0), (2, 36, 4.0), (3, 54, 6.0)],
        [(0, 0, 0.0), (1, 18, 36.0), (2, 36, 72.0)],
    ],
    ids=["empty", "begun", "one part", "too short", "too few"],
)
def test_progress_that_tells_too_little_gives_no_pace(points):
    recorded("little", points)
    assert pace_here() is None


def test_the_first_part_of_every_process_counts_as_its_start():
    study = recorded("model", [])
    points = [(0, 0, 0.0), (1, 18, 500.0), *points_of(20.0, study, 6)[2:]]
    recorded("two", points, workers=2)
    assert pace_here().factor == pytest.approx(2 * 20.0)


def test_a_cluster_and_a_study_that_never_began_give_no_pace():
    recorded("far", points_of(20.0, recorded("model", [])), workers=None)
    folder = cache_root() / "studies" / "nothing"
    folder.mkdir(parents=True)
    write_event(folder, LAUNCHED, action="run", workers=2)
    (folder / LOG).write_text("1/9 parts  0.50 items/s  3 min left\n", "utf-8")
    assert pace_here() is None


def test_progress_is_read_run_by_run():
    study = recorded("twice", [(0, 0, 0.0), (1, 18, 36.0)])
    write_event(study.folder, STOPPED, message="stopped")
    for done, items, seconds in ((1, 0, 0.0), (2, 18, 72.0)):
        write_event(
            study.folder, PROGRESS, done=done, total=9, items=items, seconds=seconds, before=1,
            workers=2,
        )  # fmt: skip
    first, second = runs_of(study.folder, study.manifest)
    assert [(each.done, each.rate) for each in first.progress] == [(0, None), (1, 0.5)]
    assert [(each.done, each.rate) for each in second.progress] == [(1, None), (2, 0.25)]
    assert (first.workers, second.workers) == (1, 2)
    assert second.progress[1].left == 72 * 7
    assert second.progress[1].line == "2/9 parts  0.25 items/s  8 min left"


def test_dry_run_says_the_cost_and_writes_nothing(capsys):
    words = "study run --name dry --model e5-small/nli-en --data demo:nli --langs en,es --limit 3"
    assert main([*words.split(), "--layers", "8", "--workers", "2", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "3 items (0 left out)" in told
    length = length_of(read_demo("nli")[:3])
    assert estimate(1, 3, 2, (8,), 2, length=length).line in told
    assert "0.166 s" in told
    assert not (cache_root() / "studies").exists()


def test_dry_run_refuses_as_a_study_would(capsys):
    words = "study run --name dry --model e5-small/nli-en --data demo:qa --layers 8 --dry-run"
    assert main(words.split()) == 2
    assert "is made for nli" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1 s"),
        (2.44, "2.4 s"),
        (59, "59 s"),
        (200, "3.3 min"),
        (7200, "2.0 h"),
        (4e5, "4.6 days"),
    ],
)
def test_times_have_a_unit_and_two_digits(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(12, "12 bytes"), (2200, "2.2 kB"), (15e6, "15 MB"), (1.53e9, "1.5 GB")]
)
def test_sizes_have_a_unit(count, text):
    assert size(count) == text
