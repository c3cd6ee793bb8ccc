"""The page of a pair: hostile text stays text, missing numbers are named, nothing is loaded."""

import base64
import hashlib
import json
import re

import pytest
from jinja2 import UndefinedError
from markupsafe import escape

from ccta_core.reports.pair.page import pair_assets, pair_page
from ccta_core.reports.templates import render

HOSTILE = "</script><img src=x onerror=alert(1)>"
NASTY = [
    HOSTILE,
    "\"quoted\" 'twice'",
    "a\u2028b\u2029c",
    "\u200fعربي\u200e",
    "%%data%%",
    "<!--<script>",
    "{{ 7 * 7 }}{% raw %}{# kept #}",
    "{{ payload }}</style>",
]


def make_side(lang: str, words: list[str], segments: list[int] | None = None) -> dict:
    """A plausible side whose units are these words."""
    segments = segments or [0] * len(words)
    units, texts = [], ["", ""]
    for word, segment in zip(words, segments, strict=True):
        texts[segment] += " " if texts[segment] and lang != "zh" else ""
        start = len(texts[segment])
        texts[segment] += word
        units.append({"text": word, "start": start, "end": start + len(word), "segment": segment})
    signed = [(-1) ** n * (n + 1.0) for n in range(len(words))]
    total = sum(map(abs, signed))
    return {
        "lang": lang,
        "units": units,
        "subwords": ["<s>", *("▁" + word for word in words), "</s>"],
        "attribution": signed,
        "subword_attribution": [0.1, *signed, -0.1],
        "mass": [abs(value) / total for value in signed],
        "special_share": 0.12,
        "prediction": {"entailment": 0.06, "neutral": 0.03, "contradiction": 0.91},
        "f_input": 2.1,
        "f_baseline": -0.3,
        "completeness_error": 0.004,
        "converged": True,
        "evaluations": 48,
        "text": texts[0],
        "text2": texts[1] or None,
    }


def make_payload(source: dict, target: dict, **changes) -> dict:
    """A payload with the product plan, which has the right marginals."""
    plan = [[a * b for b in target["mass"]] for a in source["mass"]]
    similarity = [
        [0.9 if i == j else 0.3 for j in range(len(target["mass"]))]
        for i in range(len(source["mass"]))
    ]
    rows = zip(plan, similarity, strict=True)
    ems = sum(p * s for row in rows for p, s in zip(*row, strict=True))
    controls = {
        "ems_uniform": 0.72, "ems_length": 0.7, "ems_shuffled": 0.55, "shuffled_sd": 0.02,
        "p_value": 0.01, "ems_unrelated": 0.4, "gain": 0.05, "gain_unrelated": 0.02, "z": 2.5,
        "calibrated": 0.4,
        "link_spearman": 0.5, "sign_agreement": 0.8, "cross_segment_mass": 0.05,
    }  # fmt: skip
    payload = {
        "model": "e5-small/nli-en", "revision": "abc", "task": "nli",
        "target_class": "contradiction", "layer": 0, "align_layer": 8, "space": "centered",
        "seed": 0, "n_shuffles": 99, "source": source, "target": target, "plan": plan,
        "similarity": similarity, "ems": ems, "controls": controls,
        "verdict": "The same words are stressed in both languages.", "notices": [],
        "provenance": {"model": "e5-small/nli-en", "seed": 0},
    }  # fmt: skip
    return payload | changes


def plain(**changes) -> dict:
    source = make_side("en", ["The", "ferry", "left"])
    return make_payload(source, make_side("es", ["El", "ferri", "salió"]), **changes)


def embedded(page: str) -> dict:
    """What the page's own script will read."""
    blocks = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert len(blocks) == 1
    return json.loads(blocks[0])


def test_payload_comes_back_unchanged_from_the_page():
    payload = plain()
    assert embedded(pair_page(payload))["payload"] == payload


def test_languages_carry_name_and_direction():
    payload = make_payload(make_side("en", ["one"]), make_side("ar", ["واحد"]))
    languages = embedded(pair_page(payload))["options"]["languages"]
    assert languages["target"]["name"] == "Arabic"
    assert languages["target"]["rtl"]
    assert languages["source"] == {
        "name": "English", "native": "English", "rtl": False, "spaced": True,
    }  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
def test_hostile_text_stays_text(text):
    source = make_side("en", [text, "ferry"])
    source["prediction"] = {text: 0.9, "other": 0.1}
    payload = make_payload(
        source,
        make_side("ar", [text, "عبارة"]),
        model=text,
        target_class=text,
        verdict=text,
        notices=[text],
        provenance={text: text},
    )
    page = pair_page(payload)
    assert embedded(page)["payload"] == payload
    assert "<img" not in page
    assert page.count("<script") == 2
    assert page.count("</script>") == 2
    assert page.count("</style>") == 1
    assert page.count(escape(text)) >= 7  # title, heading, setting, verdict, notice, provenance x 2


def test_data_block_has_no_markup_characters():
    source = make_side("en", [*NASTY])
    page = pair_page(make_payload(source, make_side("es", ["a"])))
    block = page.split('id="data">')[1].split("</script>")[0]
    assert not set(block) & set("<>&\u2028\u2029")


def test_missing_controls_are_dashes_with_a_reason():
    payload = plain()
    payload["controls"] |= {"ems_unrelated": None, "calibrated": None, "link_spearman": None}
    page = pair_page(payload)
    assert "<dt>unrelated</dt><dd>\N{EN DASH} <small>(no unrelated items)</small></dd>" in page
    assert "fewer than five word links" in page
    assert "NaN" not in page
    assert "None" not in page


def test_the_test_says_its_error_and_what_it_counts():
    found = {"drawn": 1599, "p_value": 0.0312, "p_error": 0.0043}
    page = pair_page(plain(permutation=found))
    assert "(p = 0.031 ± 0.004, 1,599 shuffles)" in page
    found = {"drawn": 144, "exact": True, "p_value": 0.25, "p_error": 0.0, "least_p": 0.05}
    assert "(p = 0.25, all 144 arrangements)" in pair_page(plain(permutation=found))
    assert "(p = 0.010, 99 shuffles)" in pair_page(plain())


def test_a_test_that_could_not_be_made_says_why():
    payload = plain(permutation={"untestable": "equal masses"})
    names = ("ems_shuffled", "shuffled_sd", "p_value", "gain", "z")
    payload["controls"] |= dict.fromkeys(names)
    page = pair_page(payload)
    assert page.count("so shuffling changes nothing") == 6  # the row of numbers and five controls
    assert "no shuffles" not in page


def test_a_side_that_did_not_converge_is_named():
    payload = plain()
    assert "converged" in pair_page(payload)
    payload["target"]["converged"] = False
    assert "Spanish did not converge" in pair_page(payload)


def test_title_states_the_finding():
    page = pair_page(plain(ems=0.664))
    assert "<title>EMS 0.66: English - Spanish, e5-small/nli-en</title>" in page


def test_plan_table_adds_up_to_ems():
    page = pair_page(plain())
    table = page.split('id="plan"')[1].split("</table>")[0]
    parts = re.findall(r"<td>([\d.]+)</td></tr>", table)
    assert sum(map(float, parts)) == pytest.approx(plain()["ems"], abs=1e-3)


def test_page_loads_nothing():
    page = pair_page(plain())
    assert "http:" not in page
    assert "https:" not in page
    assert not re.search(r"<(link|img|iframe|object|embed|base)\b|\bsrc=|@import|url\(", page)
    assert "default-src 'none'" in page
    assert "unsafe-inline" not in page


def test_only_the_blocks_of_the_page_may_run():
    """Whatever the payload holds: the policy names the two blocks by their hashes."""
    for page in (pair_page(plain()), pair_page(plain(verdict=HOSTILE, model="{{ script }}"))):
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
        for kind in ("style", "script"):
            blocks = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.S)
            assert len(blocks) == 1
            digest = base64.b64encode(hashlib.sha256(blocks[0].encode()).digest()).decode()
            assert f"{kind}-src 'sha256-{digest}';" in policy
        assert policy.startswith("default-src 'none'; ")
        assert policy.endswith("base-uri 'none'; form-action 'none'")


def test_a_value_that_a_template_lacks_is_an_error():
    with pytest.raises(UndefinedError, match="is undefined"):
        render("study/page.html", title="a name that is not all")


def test_infinite_numbers_are_refused_rather_than_embedded():
    payload = plain()
    payload["source"]["f_input"] = float("nan")
    with pytest.raises(ValueError, match="JSON"):
        pair_page(payload)


def test_assets_define_one_function_and_scoped_styles():
    css, script = pair_assets()
    assert re.findall(r"^function (\w+)", script, re.M) == ["cctaRenderPair"]
    assert not re.search(r"^(import|export)\b", script, re.M)
    assert 'innerHTML = "<svg></svg>"' in script
    assert script.count("innerHTML") == 1
    rules = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    selectors = re.findall(r"^\s*([^{}@;]+)\{", rules, re.M)
    assert all(".ccta-pair" in part for rule in selectors for part in rule.split(","))
