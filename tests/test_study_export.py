"""Exports: every format is read back; no formula, no markup, no text of the data gets through."""

import json
import re
from dataclasses import asdict, replace
from html.parser import HTMLParser
from itertools import combinations

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from ccta_core.cli import main
from ccta_core.config import Config, cache_root
from ccta_core.errors import DamagedFileError
from ccta_core.measures import EXPORTED
from ccta_core.reports import figures
from ccta_core.reports.markdown import markdown_table
from ccta_core.reports.study.facts import data_name, left_out_reasons
from ccta_core.reports.study.latex import escaped
from ccta_core.reports.study.means import both_ways, summarised
from ccta_core.reports.study.write import FORMATS, export_study
from ccta_core.study.manifest import Manifest, write_manifest
from ccta_core.study.storage.parts import part_path, write_part
from ccta_core.study.storage.schema import COLUMNS, NAMES
from ccta_core.study.storage.table import open_study

LANGS = ("en", "es", "sw", "zh", "de", "ru")
EVIL = 'my_own/nli-50%<img src=x onerror="x()">&$#^~{}'
MODELS = ("e5-small/nli-en", EVIL)
TEXT = "the ferry was cancelled"
LEFT_OUT = [
    f"dev.tsv:1\tthe answer '{TEXT}' does not stand in its context",
    f'dev.tsv:2\tthe answer "it\'s {TEXT}" does not stand in its context',
    "dev.tsv:3\texpected 3 fields, found 5",
    "dev.tsv:4\texpected 3 fields, found 7",
    "dev.tsv:5\tid ferry-1 stands already at dev.tsv:2",
    f"dev.tsv:6\tlabels differ: en {TEXT}, es neutral",
]


def manifest(name="made", task="nli", models=MODELS, **changes):
    facts = [
        {"id": id_, "revision": f"rev{at}", "task": task, "seed": None,
         "training_language": "en" if at == 0 else None}
        for at, id_ in enumerate(models)
    ]  # fmt: skip
    base = Manifest(
        name=name, data="xnli:/home/someone/xnli#dev", split="dev", source="xnli",
        licence="CC & <i>free</i> 100%", languages=LANGS, layers=(8, 11), models=tuple(facts),
        config=asdict(Config(shuffles=20)), fingerprint="abc", items=12, items_sha256="0" * 64,
        left_out=len(LEFT_OUT), chunk=6, versions={"torch": "2.13.0"},
    )  # fmt: skip
    return replace(base, **changes)


def rows_of(wanted, model, chunk):
    """Numbers that depend on model and chunk; ids and groups that are nasty."""
    draw = np.random.default_rng([chunk, len(model)])
    rows = []
    for at in range(chunk * wanted.chunk, (chunk + 1) * wanted.chunk):
        for layer in wanted.layers:
            for source, target in combinations(wanted.languages, 2):
                ems, null = draw.uniform(0.5, 0.8), draw.uniform(0.4, 0.6)
                row = dict.fromkeys(NAMES)
                row |= {
                    "item": f"=1+{at}", "group": f"<script>{at // 2}</script>",
                    "gold": "neutral" if wanted.models[0]["task"] == "nli" else None,
                    "model": model, "layer": layer, "source_lang": source, "target_lang": target,
                    "target_class": "-x", "ems": ems, "ems_uniform": 0.7, "ems_shuffled": null,
                    "ems_unrelated": 0.3 if at else None, "ems_unrelated_back": 0.4,
                    "gain": ems - null, "links": 3,
                }  # fmt: skip
                for side in ("source", "target"):
                    right = bool(draw.integers(2))
                    row |= {
                        f"{side}_predicted": TEXT if wanted.models[0]["task"] == "qa" else "@x",
                        f"{side}_correct": right, f"{side}_score": float(right),
                        f"{side}_converged": at != 3, f"{side}_completeness_error": 0.001 * at,
                        f"{side}_truncated": at == 4, f"{side}_special_share": 0.1,
                    }  # fmt: skip
                rows.append(row)
    return rows


def made(wanted, skip=()):
    folder = cache_root() / "studies" / wanted.name
    folder.mkdir(parents=True)
    (folder / "left_out.tsv").write_text("\n".join(LEFT_OUT) + "\n", "utf-8")
    for model, chunk in wanted.parts:
        if (model, chunk) not in skip:
            write_part(folder, model, chunk, rows_of(wanted, model, chunk))
    write_manifest(folder, wanted)
    return open_study(wanted.name)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A cache folder with the finished study "made", for tests that only read it."""
    root = tmp_path_factory.mktemp("root")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCTA_CACHE", str(root))
        made(manifest())
        made(manifest("empty"), skip=manifest("empty").parts)
    return root


@pytest.fixture
def study(root, monkeypatch):
    monkeypatch.setenv("CCTA_CACHE", str(root))
    return open_study("made")


VOID = ("rect", "circle", "line", "polygon")


class Page(HTMLParser):
    """The elements, and the text of each table's rows."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.tables, self.words, self.open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", *VOID):
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert tag in VOID or self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)
        if "table" in self.open and set(self.open) & {"td", "th"}:
            self.tables[-1][-1][-1] += data


def page_of(study, to, **options):
    return Page(export_study(study, to, "html", **options).read_text("utf-8"))


def test_csv_has_every_row_and_no_formula(study, tmp_path):
    path = export_study(study, tmp_path, "csv")
    assert path == tmp_path / "made.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    found, expected = pd.read_csv(path, encoding="utf-8-sig"), study.table()
    assert list(found.columns) == list(expected.columns)
    assert len(found) == len(expected) == 12 * 2 * 2 * 30
    key = ["item", "model", "layer", "source_lang", "target_lang"]
    found["item"] = found["item"].str.removeprefix("'")
    assert list(found.sort_values(key).ems) == list(expected.sort_values(key).ems)
    text = path.read_text("utf-8-sig")
    cells = re.findall(r'"((?:[^"]|"")*)"', text)
    assert {"'=1+0", "'-x", "'@x"} <= set(cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_parquet_says_where_it_is_from(study, tmp_path):
    path = export_study(study, tmp_path / "new" / "rows.parquet", "parquet")
    found, expected = pq.read_table(path), study.table(arrow=True)
    assert found.column_names == expected.column_names
    assert sorted(found["ems"].to_pylist()) == sorted(expected["ems"].to_pylist())
    assert found["item"][0].as_py() == "=1+0"
    assert str(found.schema.field("seed").type) == "int64"
    meta = pq.read_schema(path).metadata
    assert meta[b"ccta.schema"] == str(study.manifest.schema).encode()
    facts = json.loads(meta[b"ccta.provenance"])
    assert facts["data"] == "xnli:xnli#dev"
    assert (facts["parts_done"], facts["parts"], facts["models"][1]["id"]) == (4, 4, EVIL)
    assert b"someone" not in path.read_bytes()
    assert found.schema.field("gain").metadata[b"description"] == next(
        column.what.encode() for column in COLUMNS if column.name == "gain"
    )


def test_the_same_study_gives_the_same_bytes(study, tmp_path):
    for form in ("csv", "html"):
        one, other = (export_study(study, tmp_path / f"{n}.{form}", form) for n in "ab")
        assert one.read_bytes() == other.read_bytes(), form


def test_latex_is_escaped(study, tmp_path):
    text = export_study(study, tmp_path, "latex").read_text("utf-8")
    assert r"nli-50\%\textless{}img" in text
    assert r"\&\$\#\textasciicircum{}\textasciitilde{}\{\}" in text
    assert r"CC \& \textless{}i\textgreater{}free" in text
    bare = re.sub(r"\\[#$%&_{}]|% needs.*|% ccta.*", "", text)
    assert not re.search(r"[#<>|\"~%]", bare)
    assert text.count(r"\toprule") == 2  # more than a page: the head is repeated
    assert r"\begin{longtable}{lrlrrrrrr}" in text
    body = [line for line in text.split("\n") if line.endswith(r"\\") and "--" in line]
    assert len(body) == 2 * 2 * 15
    assert all(line.count(" & ") == 8 for line in body)
    assert "en--es & 12 & 0." in body[0]
    assert "$^{*}$" in body[0]  # one item has no unrelated text


def test_a_short_latex_table_is_one_table(tmp_path, capsys):
    made(manifest("one", models=MODELS[:1], layers=(8,)))
    to = tmp_path / "table.tex"
    to.write_text("old")
    words = ["export", "one", "--to", str(to), "--format", "latex", "--measure", "z,ems"]
    assert main(["study", *words]) == 0
    assert capsys.readouterr().out == f"{to}\n"
    text = to.read_text("utf-8")
    assert text.count(r"\begin{table}") == text.count(r"\end{tabular}") == 1
    assert r"Pair & n & EMS & embeddings only & shuffled & unrelated & gain & z \\" in text
    assert "revision rev0, trained on en" in text
    assert "-- \\\\" in text  # no z is known
    assert escaped("a\nb \\ \u00e9") == r"a b \textbackslash{} é"


def test_means_and_intervals(study):
    summary = summarised(study, ("ems", "gain", "calibrated"))
    table = study.table()
    pair = next(p for p in summary.of(MODELS[0], 8) if (p.source, p.target) == ("es", "sw"))
    rows = table[(table.model == MODELS[0]) & (table.layer == 8)]
    rows = rows[(rows.source_lang == "es") & (rows.target_lang == "sw")]
    assert (pair.n, pair.groups) == (12, 6)
    ems = pair.means["ems"]
    groups = rows.groupby("group").ems.mean()  # of equal size: the textbook interval
    half = 2.570582 * groups.std() / np.sqrt(6)
    assert ems.value == pytest.approx(rows.ems.mean())
    assert (ems.low, ems.high) == pytest.approx((ems.value - half, ems.value + half))
    assert pair.means["ems_unrelated"].n == 11
    turned = both_ways(summary.of(MODELS[0], 8), LANGS)
    assert len(turned) == 15
    assert turned[0].means["ems_unrelated"].value == pytest.approx((0.3 * 11 + 0.4 * 12) / 23)
    assert turned[0].means["ems_unrelated"].low is None
    assert pair.means["calibrated"].value == pytest.approx(rows.calibrated.mean())


def test_the_page_says_everything(study, tmp_path):
    path = tmp_path / "made.html"
    page = page_of(study, path)
    text = path.read_text("utf-8")
    assert page.open == []
    assert not [tag for tag, _ in page.tags if tag in ("script", "img", "link", "iframe", "i")]
    for _, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on")]
        assert (attrs.get("href") or "data:text/csv").startswith("data:text/csv")
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert "someone" not in text
    for part in ("CC & <i>free</i> 100%", EVIL, "rev1", "2.13.0", "proves nothing without", "abc"):
        assert part in " ".join(page.words), part
    assert "banner" not in [attrs.get("class") for _, attrs in page.tags]
    assert sum(tag == "svg" for tag, _ in page.tags) == 2 * 2 * 3
    assert all(attrs.get("aria-label") for tag, attrs in page.tags if tag == "svg")


@pytest.mark.parametrize(
    "text",
    [
        EVIL,
        "\"double\" 'single'",
        "{{ 7 * 7 }}",
        "{% raw %}{# kept #}",
        "</style><script>x()",
        "|a|`b`",
    ],
)
def test_a_hostile_name_stays_text_in_every_document(text, tmp_path):
    hostile = made(
        manifest("hostile", models=(text,), layers=(8,), licence=text, source=text, split=text,
             versions={text: text}),
        skip=[(text, 1)],
    )  # fmt: skip
    page = page_of(hostile, tmp_path)
    words = " ".join(" ".join(page.words).split())
    assert page.open == []
    assert not [tag for tag, _ in page.tags if tag in ("script", "img", "i")]
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    # verdict, banner, table of models, section, licence, source and split, version x 2
    assert words.count(text) >= 8
    latex = export_study(hostile, tmp_path, "latex").read_text("utf-8")
    assert escaped(text) in latex
    table = markdown_table([text], [[text]])
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in table.split("\n")] == [2, 2, 2, 0]
    assert "<" not in table


def test_the_page_numbers(study, tmp_path):
    page = page_of(study, tmp_path)
    tables = {tuple(table[0][:3]): table for table in page.tables}
    means = tables["language pair", "n", "groups"]
    assert means[0][3:] == [
        "EMS", "95% interval", "embeddings only", "shuffled", "unrelated", "gain", "95% interval"
    ]  # fmt: skip
    assert len(means) == 16
    assert all(re.fullmatch(r"0\.\d{3}", row[3]) for row in means[1:])
    assert all(re.fullmatch(r"0\.\d{3} to \d\.\d{3}", row[4]) for row in means[1:])
    assert means[1][7] == "n = 11 0.352"
    assert means[1][:3] == ["English - Spanish", "12", "6"]
    facts = [tuple(row) for table in page.tables for row in table if len(row) == 2]
    assert {
        ("attributions", "288 (text x model x layer)"), ("converged", "91.67%"),
        ("worst completeness error", "1.100%"), ("median completeness error", "0.550%"),
        ("attributions of truncated texts", "24"), ("parts", "4 of 4 there, 0 missing"),
        ("items left out", "6"), ("expected N fields, found N", "2"),
    } <= set(facts)  # fmt: skip
    assert [row[:3] for row in tables["model", "layer", "pairs"][1:]] == [
        [m, n, "15"] for m in MODELS for n in ("8", "11")
    ]
    assert [row[0] for row in tables["language", "n", "accuracy"][1:3]] == ["English", "Spanish"]
    # English is the training language of one model, the other has none
    assert {"n = 5", "n = 6"} <= set(page.words)


def test_no_text_of_the_data_is_exported(tmp_path):
    qa = made(manifest("answers", task="qa"))
    for form in FORMATS:
        content = export_study(qa, tmp_path, form).read_bytes()
        assert b"ferry" not in content, form
    found = pd.read_csv(tmp_path / "answers.csv", encoding="utf-8-sig")
    assert found.source_predicted.isna().all()
    assert found.source_correct.notna().all()
    assert pq.read_table(tmp_path / "answers.parquet")["target_predicted"].null_count == len(found)
    reasons = dict(left_out_reasons(qa))
    assert reasons["the answer … does not stand in its context"] == 2
    assert reasons["its labels differ between the languages"] == 1
    assert "F1 beside EMS with English" in (tmp_path / "answers.html").read_text("utf-8")


@pytest.mark.parametrize("words", [["show"], ["export", "--format", "csv"], ["findings"]])
def test_the_command_line_says_of_an_unfinished_study_that_it_is(words, tmp_path, capsys):
    made(manifest("half", models=MODELS[:1]), skip=[(MODELS[0], 1)])
    to = ["--to", str(tmp_path / "half.csv")] if words[0] == "export" else []
    assert main(["study", words[0], "half", *words[1:], *to]) == 0
    streams = capsys.readouterr()
    assert "half is unfinished: 1 of 2 parts, and what is told is of those" in streams.err
    assert ("**Unfinished: 1 of 2 parts.**" in streams.out) == (words[0] == "findings")


def test_an_unfinished_study_says_so(tmp_path):
    half = made(manifest("half", models=MODELS[:1]), skip=[(MODELS[0], 1)])
    page = page_of(half, tmp_path)
    assert "banner" in [attrs.get("class") for _, attrs in page.tags]
    assert "1 of 2 parts is missing (e5-small/nli-en: 1)" in " ".join(page.words)
    text = export_study(half, tmp_path, "latex").read_text("utf-8")
    assert "Unfinished: missing parts: 1 of 2." in text
    export_study(half, tmp_path, "parquet")
    facts = json.loads(pq.read_schema(tmp_path / "half.parquet").metadata[b"ccta.provenance"])
    assert (facts["parts_done"], facts["parts"]) == (1, 2)


def test_other_measures_are_drawn(study, tmp_path):
    page = page_of(study, tmp_path, measures=["link_spearman", "ems_uniform"])
    assert "Rank correlation of linked words: not known of any pair" in " ".join(page.words)
    assert "Mean embeddings only by language pair" in " ".join(page.words)
    assert any(table[0][-1] == "rank correlation of linked words" for table in page.tables)
    assert "ems_unrelated_back" not in EXPORTED


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nothing", "--to", "x.csv", "--format", "csv"], "no study 'nothing'"),
        (["made", "--to", "x.csv", "--format", "xml"], "unknown format 'xml'; expected one of"),
        (["made", "--to", "x", "--format", "html", "--measure", "emms"], "unknown measure 'emms'"),
        (["made", "--to", "x", "--format", "csv", "--measure", "ems"], "csv has every measure"),
        (["empty", "--to", "x.html", "--format", "html"], "no finished part yet"),
        (["made", "--to", "{tmp}/file/x.csv", "--format", "csv"], "is no folder"),
        (["made", "--to", "{tmp}/file/y/x.csv", "--format", "csv"], "can't be written"),
        (["made", "--to", "/proc/nowhere/", "--format", "html"], "can't be written"),
        (["made", "--to", "/dev/null", "--format", "html"], "no plain file"),
        (["made", "--to", "{study}/parts/x.parquet", "--format", "parquet"], "own folder"),
    ],
)
def test_bad_input_is_one_line(study, words, line, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept")
    filled = [word.format(tmp=tmp_path, study=study.folder) for word in words]
    assert main(["study", "export", *filled]) == 2
    err = capsys.readouterr().err
    assert line in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_failure_leaves_what_was_there(tmp_path):
    study, to = made(manifest("torn", models=MODELS[:1])), tmp_path / "rows.csv"
    to.write_text("old")
    path = part_path(study.folder, MODELS[0], 1)
    whole = path.read_bytes()
    path.write_bytes(whole[:300] + b"\0" * 600 + whole[900:])  # its end, read first, is whole
    for form in FORMATS:
        with pytest.raises(DamagedFileError, match=r"00001.parquet can't be read"):
            export_study(study, to, form)
        assert to.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir() if one.suffix == ".tmp"] == []


def test_folders_are_not_named():
    for spec, name in {
        "demo:nli": "demo:nli",
        "xnli": "xnli",
        "xnli:facebook/xnli@main#dev": "xnli:facebook/xnli@main#dev",
        "xnli:../shared/xnli#dev": "xnli:xnli#dev",
        "file:C:\\Users\\me\\mine.csv": "file:mine.csv",
        "file:data/me.csv": "file:me.csv",
    }.items():
        assert data_name(manifest(data=spec)) == name


def test_a_heatmap_is_escaped_and_readable():
    svg = figures.heatmap({("<a", "b"): -0.1234, ("b", "<a"): None}, ["<a", "b"], title='"&<')
    page = Page(svg)
    assert page.open == []
    assert page.tags[0][1]["aria-label"] == '"&<'
    assert "−0.12" in page.words
    assert "<a to b: −0.123" in page.words
    fills = [attrs["fill"] for tag, attrs in page.tags if tag == "rect"]
    assert fills[0] == figures.TWO_WAYS[0][0]
    for colour in fills:
        pair = [figures.luminance(one) + 0.05 for one in (colour, figures.readable_ink(colour))]
        assert max(pair) / min(pair) >= 4.5
    assert figures.number(-0.0001, 2) == "0.00"


def test_the_line_is_the_textbook_one():
    x, y = [0.1, 0.2, 0.4, 0.5, 0.9], [1.0, 2.0, 1.5, 3.0, 2.5]
    line, known = figures.line_of(x, y), np.polynomial.Polynomial.fit(x, y, 1)
    assert line.y == pytest.approx(known(line.x))
    half = np.interp(np.mean(x), line.x, line.high - line.y)
    rest = np.array(y) - known(np.array(x))
    assert half == pytest.approx(3.182446 * np.sqrt((rest**2).sum() / 3 / 5), rel=1e-3)
    assert line.y - line.low == pytest.approx(line.high - line.y)
    assert figures.line_of(x[:3], y[:3]) is None
    assert figures.line_of([1, 1, 1, 1], [1, 2, 3, 4]) is None


def test_ticks_hold_the_values():
    for low, high in ((0.0, 1.0), (0.412, 0.431), (-3, 12345), (0.5, 0.5), (-0.2, 0.0)):
        found = figures.ticks([low, high])
        assert found[0] - 1e-9 <= low <= high <= found[-1] + 1e-9
        assert 2 <= len(found) <= 9
        assert np.diff(found) == pytest.approx(found[1] - found[0])
