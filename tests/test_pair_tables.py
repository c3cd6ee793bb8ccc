"""What the Pair page computes from a result: tables, gold, figures, commands."""

import shlex
from dataclasses import replace

import numpy as np
import pytest

from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.reports.pair.marks import marks
from ccta_core.types import Sentence
from dashboard.views.pair.charts import walk_chart
from dashboard.views.pair.gold import Gold, gold_of, judge, judgement_sentence
from dashboard.views.pair.share import command, snippet
from dashboard.views.pair.skeleton import skeleton
from dashboard.views.pair.tables import (
    both_predictions,
    costliest_flows,
    differences,
    layer_table,
    link_parts,
    mass_changes,
    mean_best_cosine,
    moved_mass,
    plan_csv,
    plan_table,
    poorly_matched,
    predictions,
    walk_sentence,
)
from dashboard.views.pair.view import PairRequest
from dashboard.widgets.notices import plain
from dashboard.widgets.pair_picture import compact, shared_top, usual_ribbons
from tests.made_pair import ITEM, MODEL, SIDES, make_result, request_of


def test_the_command_is_quoted_for_a_shell():
    odd = Sentence('It\'s "$HOME" `x`; rm', "en")
    request = PairRequest(MODEL, odd, Sentence("-x", "es"), Config(layer=2, mass="positive"))
    words = shlex.split(command(request))
    assert words[:2] == ["ccta", "pair"]
    assert words[words.index("--source") + 1] == odd.text
    assert words[-2:] == ["--mass", "positive"]
    assert "--source-2" not in words
    compile(snippet(request), "snippet", "exec")


def test_costs_add_up_to_what_ems_lacks():
    result = make_result(request_of())
    table = plan_table(result)
    assert table["cost"].sum() == pytest.approx(1 - result.ems)
    assert table["mass"].sum() == pytest.approx(1)
    assert costliest_flows(table)["cost"].is_monotonic_decreasing
    assert predictions(result)["source"].sum() == pytest.approx(1)


def test_a_spreadsheet_sees_no_formula():
    source = Sentence('=HYPERLINK("x") plus', "en")
    result = make_result(PairRequest(MODEL, source, source, Config()))
    assert b"'=HYPERLINK" in plan_csv(result)


def test_a_figure_shows_markup_as_text():
    from dashboard.views.pair.charts import plan_heatmap

    sentence = Sentence("<b>bold</b> two", "en")
    result = make_result(PairRequest(MODEL, sentence, SIDES[1], Config()))
    figure = plan_heatmap(plan_table(result), names=("English", "Spanish"), dark=False)
    assert figure.layout.yaxis.ticktext[0] == "&lt;b&gt;bold&lt;/b&gt;"
    assert figure.data[0].z.shape == result.plan.matrix.shape


def test_a_skeleton_keeps_marks_with_their_letters():
    hindi, thai = Sentence("नौका रद्द", "hi"), Sentence("เรือถูกยกเลิก", "th")
    blank = skeleton(PairRequest(MODEL, hindi, thai, Config()))
    assert [unit["text"] for unit in blank["source"]["units"]] == ["नौका", "रद्द"]
    assert "".join(unit["text"] for unit in blank["target"]["units"]) == thai.text


def test_markdown_in_a_message_stays_text():
    shown = plain("[x](javascript:y) **b** :smile: $z$\nline")
    assert "[x]" not in shown
    assert ":smile:" not in shown
    assert "\n" not in shown


def test_a_question_is_asked_with_its_answer():
    asked = Sentence("When?", "en", "At noon.", focus=((3, 7),))
    request = PairRequest(MODEL, asked, asked, Config(method="occlusion"))
    words = shlex.split(command(request))
    assert words[words.index("--source-focus") + 1] == "3:7"
    assert words[words.index("--method") + 1] == "occlusion"
    assert "focus=((3, 7),)" in snippet(request)


def test_a_poor_partner_is_one_below_the_usual_best():
    result = make_result(request_of())
    table, limits = poorly_matched(result), mean_best_cosine(result)
    assert limits[0] == pytest.approx(result.similarity.max(1).mean())
    first = table[(table["side"] == "source") & (table["position"] == 2)].iloc[0]
    row, cosines = result.plan.matrix[2], result.similarity[2]
    assert first["poor_mass"] == pytest.approx(row[cosines < limits[0]].sum())
    assert first["mass"] == pytest.approx(row.sum())
    assert table["poor_mass"].is_monotonic_decreasing
    assert table["poor_share"].between(0, 1).all()
    for side in ("source", "target"):
        assert table.loc[table["side"] == side, "mass"].sum() == pytest.approx(1)


def test_links_are_mutual_and_part_of_ems():
    result = make_result(request_of())
    table = link_parts(result)
    assert len(table) >= 1
    for row in table.itertuples():
        assert result.similarity[row.source_position].argmax() == row.target_position
        assert result.similarity[:, row.target_position].argmax() == row.source_position
    linked = set(zip(table["source_position"], table["target_position"], strict=True))
    parts = result.plan.matrix * result.similarity
    rest = sum(parts[at] for at in np.ndindex(parts.shape) if at not in linked)
    assert table["adds"].sum() + rest == pytest.approx(result.ems)


def other_result():
    """The same words with the mass on the last one."""
    result = make_result(request_of(2))
    mass = np.zeros_like(result.source_mass)
    mass[-1] = 1.0
    controls = replace(result.controls, p_value=None)
    return replace(result, source_mass=mass, controls=controls)


def test_a_comparison_is_the_difference():
    first, second = make_result(request_of()), other_result()
    table = differences(first, second).set_index("measure")
    assert table.loc["ems", "difference"] == pytest.approx(second.ems - first.ems)
    assert np.isnan(table.loc["p_value", "difference"])
    changes = mass_changes(first, second)
    assert changes["change"].abs().is_monotonic_decreasing
    assert moved_mass(changes, "source") == pytest.approx(1 - first.source_mass[-1])
    assert moved_mass(changes, "target") == pytest.approx(0)
    said = both_predictions(first, second)
    assert list(said["first"]) == list(said["second"]) == ["contradiction"] * 2


def test_layers_are_told_in_a_sentence():
    assert "No layer" in walk_sentence(layer_table({}), 12)
    results = {layer: make_result(request_of(layer)) for layer in (0, 3, 5)}
    results[3] = replace(results[3], plan=replace(results[3].plan, ems=0.9))
    table = layer_table(results)
    assert list(table["layer"]) == [0, 3, 5]
    assert table["shuffled_sd"].isna().all()
    assert list(table["claim"]) == [results[layer].claim for layer in (0, 3, 5)]
    text = walk_sentence(table, 12)
    assert "agreement beyond the controls shown at 3 of 3 (p at most 0.05, each alone)" in text
    results[3] = replace(results[3], chance_level=0.95)
    assert "shown at 2 of 3" in walk_sentence(layer_table(results), 12)
    assert "highest at layer 3 (0.90)" in text
    assert "3 of 12 layers are measured" in text


def test_the_chart_of_layers_leaves_gaps():
    results = {layer: make_result(request_of(layer)) for layer in (0, 1, 3)}
    drawn = walk_chart(layer_table(results), tuple(range(5)), 'say "x" <b>')
    assert drawn.count("ccta-walk-dot") == 3
    assert 'class="is-ems" d="M' in drawn
    assert drawn.split('class="is-ems" d="')[1].split('"')[0].count("M") == 2
    assert "<b>" not in drawn.split("aria-label=")[1].split(">")[0]
    assert "nan" not in drawn


def test_what_is_drawn_by_default_carries_most_of_the_mass():
    payload = {"plan": [[0.5, 0.0], [0.0141, 0.4859]]}
    assert usual_ribbons(payload) == 2.0
    assert usual_ribbons({"plan": [[0.01] * 10] * 10}) == 1.0
    assert usual_ribbons({"plan": []}) == 0.0


def test_pictures_share_one_scale():
    payload = make_result(request_of()).payload()
    scale = shared_top([payload, payload])
    side = payload["source"]
    assert scale["mass"] == max(*side["mass"], *payload["target"]["mass"])
    assert 0 < scale["signed"] <= 1
    flows = compact(payload)["flows"]
    assert sum(mass for *_, mass, _ in flows) == pytest.approx(1, abs=1e-4)


def with_side(result, **changes):
    return replace(result, source=replace(result.source, **changes))


def test_a_label_is_right_or_wrong_in_words():
    result = make_result(request_of())
    right = judge(result, gold_of(ITEM, "en", "es"))
    assert [one.text for one in right] == ["right", "right"]
    mixed = judge(with_side(result, prediction={"neutral": 0.9}), Gold("contradiction"))
    assert mixed[0].text == "wrong, gold: contradiction"
    text = judgement_sentence(mixed, ("English", "Spanish"), Gold("contradiction"))
    assert text == "Gold label: contradiction. The model is right in Spanish and wrong in English."
    assert judge(result, Gold()) is None


def test_an_answer_is_judged_by_the_rules_of_its_set():
    context = Sentence("When?", "en", "It closes at noon.", focus=((13, 17),))
    result = replace(make_result(PairRequest(MODEL, context, context, Config())), task="qa")
    result = replace(result, target=replace(result.target, prediction={"The noon.": 0.9}))
    found = judge(with_side(result, prediction={"closes at noon": 0.9}), Gold())
    assert found[1].text == "right"
    assert found[0].text == "partly right (F1 0.50), gold: noon"
    payload = result.payload()
    payload["target"]["prediction"] = {"noon": 0.8}
    assert marks(payload)["target"] == {"gold": [[13, 17]], "said": [[13, 17]], "tags": []}


def test_names_are_judged_word_by_word():
    item = next(one for one in read_demo("sentences") if one.id == "s001")
    sides = item.sentences["en"], item.sentences["es"]
    result = replace(make_result(PairRequest(MODEL, *sides, Config())), task="ner")
    found = judge(
        with_side(result, prediction={"Lisbon: LOC": 0.9, "Marta: ORG": 0.5}),
        gold_of(item, "en", "es"),
    )
    tags = dict(zip([unit.text for unit in result.source.units], found[0].tags, strict=True))
    assert tags["Lisbon"] == "LOC"
    assert tags["Marta"] == "ORG (gold: PER)"
    assert found[0].text == "1 word tagged wrong"
    assert tags["train"] == ""
