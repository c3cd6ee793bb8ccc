"""The steps Pulling and Placebo of the page Learn: their stored distances, sentences and table."""

import json
import subprocess
import sys

import pytest
from sklearn.metrics import roc_auc_score

from ccta_core.errors import DamagedFileError
from ccta_core.zoo.pulling import ARMS, PULLING, read_pulling, summarise
from dashboard.views.learn.pulling import finding, source
from dashboard.views.learn.pulling_chart import distance_table, distances_chart
from dashboard.views.learn.view import PARTNERS
from research.zoo.lesson import TEXTS

STORED = read_pulling()
LANGS = [code for code in PARTNERS if code != "en"]
partner = pytest.mark.parametrize("code", LANGS)


def test_the_file_is_small_and_has_every_language_and_arm():
    assert PULLING.stat().st_size < 100_000
    assert set(STORED.word_pairs) == set(LANGS)
    assert STORED.arms == ARMS


@partner
def test_words_are_those_of_the_lesson(code):
    for pair in STORED.word_pairs[code]:
        assert pair.english in TEXTS["en"][pair.text]
        assert pair.foreign in TEXTS[code][pair.text]
        assert set(pair.distances) == set(ARMS)
        assert all(0 <= value <= 2 for value in pair.distances.values())
    linked = [(pair.text, pair.english) for pair in STORED.word_pairs[code] if pair.related]
    assert 2 <= len(linked) == len(set(linked))  # one to one


@partner
@pytest.mark.parametrize("arm", ARMS)
def test_the_auc_is_that_of_an_independent_implementation(code, arm):
    pairs = STORED.word_pairs[code]
    unrelated = [not pair.related for pair in pairs]
    values = [pair.distances[arm] for pair in pairs]
    assert summarise(pairs, arm).auc == pytest.approx(roc_auc_score(unrelated, values))


@partner
def test_the_findings_have_the_numbers_and_no_verdict(code):
    for arms in (ARMS[:2], ARMS):
        text = finding(STORED, code, arms)
        for arm in arms:
            numbers = summarise(STORED.word_pairs[code], arm)
            assert f"{numbers.related:.3f}" in text
            assert f"{numbers.auc:.2f}" in text
    assert ("was not part of it" in source(STORED, code)) == (code != STORED.lang)


@partner
def test_a_row_a_word_pair_and_a_mark_an_arm(code):
    table = distance_table(STORED, code, ARMS)
    assert len(table) == len(STORED.word_pairs[code])
    linked = (table["kind"] == "linked").to_numpy()
    assert linked[: linked.sum()].all()
    figure = distances_chart(table, ARMS, dark=False, large=False)
    marks = [trace for trace in figure.data if trace.mode == "markers"]
    assert sum(len(trace.x) for trace in marks) == len(ARMS) * len(table)


@pytest.mark.parametrize("body", ["", "{}", '{"form": 0, "word_pairs": {}}', "[]"])
def test_a_damaged_file_says_what_to_do(tmp_path, body):
    path = tmp_path / "pulling.json"
    path.write_text(body)
    with pytest.raises(DamagedFileError, match=r"research\.adjustment\.lesson"):
        read_pulling(path)


def test_without_a_placebo_there_are_two_arms(tmp_path):
    data = json.loads(PULLING.read_text("utf-8"))
    del data["models"]["placebo"]
    path = tmp_path / "pulling.json"
    path.write_text(json.dumps(data), "utf-8")
    assert read_pulling(path).arms == ARMS[:2]


def test_it_is_read_without_a_model():
    code = (
        "import sys; from ccta_core.zoo.pulling import read_pulling; read_pulling(); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
