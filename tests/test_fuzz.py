"""What comes from outside, broken at random: it is read, or refused in one line, and nothing else.

A few cases of each kind run with all tests, the same each time; `make fuzz` runs 100,000 from a
seed (`make fuzz SEED=7`), and names the seed where one fails.
"""

import json
import os
import shutil
import struct
from itertools import pairwise

import pytest
import regex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccta_core.corpus.spec import scan
from ccta_core.corpus.uploads import examine, sample_file
from ccta_core.errors import CctaError
from ccta_core.models.hub import read_config, read_settings
from ccta_core.models.load import load_model
from ccta_core.models.places import ModelPlace
from ccta_core.units import segment_units, split_words, whole_offsets
from dashboard import fields
from tests.test_load import whole  # noqa: F401 - a fixture
from tests.test_readers import NLI, NLI_ES, squad, write

CASES = int(os.environ.get("CCTA_FUZZ_CASES", "0"))
fuzzed = settings(
    max_examples=CASES or 40,
    derandomize=not CASES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
ODD = (
    b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b'""', b"\r", b"\n\n", b"\t", b",", b"#",
    b"{", b"}", b"[", b"]", b"null", b"NaN", b"-1", b"1e999", b"9" * 400, b"[" * 3000, b"=cmd()",
    b"\xe2\x80\xae", b"../" * 8, b"~root/", b"a" * 5000, b"\xed\xa0\x80", b"en", b"xx-YY",
    "\u0000é\u200d".encode(),
)  # fmt: skip
edits = st.lists(
    st.tuples(
        st.sampled_from(["insert", "delete", "replace", "repeat"]),
        st.floats(0, 1),
        st.integers(1, 40),
        st.one_of(st.sampled_from(ODD), st.binary(max_size=12)),
    ),
    min_size=1,
    max_size=6,
)


def broken(content, changes):
    """Bytes after edits, each at a share of the length."""
    for kind, share, length, new in changes:
        at = int(share * len(content))
        if kind == "repeat":
            new = content[at : at + length] * 3
        cut = 0 if kind in ("insert", "repeat") else length
        content = content[:at] + (b"" if kind == "delete" else new) + content[at + cut :]
    return content


def read_or_refused(read, *arguments):
    """Calls a reader; what it says no to is one line that a person can read."""
    try:
        return read(*arguments)
    except CctaError as error:
        line = str(error)
        assert line
        assert "\n" not in line
        assert len(line) < 1500
        return None


ROWS = [
    {"id": "1", "lang": "en", "text": "It rains.", "label": "yes"},
    {"id": "1", "lang": "zh", "text": "下雨了。", "label": "yes"},
]
FILES = {
    "comma.csv": "\n".join([",".join(ROWS[0]), *(",".join(row.values()) for row in ROWS)]).encode(),
    "rows.jsonl": "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS).encode(),
    "rows.json": json.dumps(ROWS).encode(),
    "sample.csv": sample_file(),
}


@pytest.mark.parametrize("name", FILES)
@fuzzed
@given(changes=edits)
def test_an_upload(tmp_path_factory, name, changes):
    path = tmp_path_factory.getbasetemp() / f"fuzzed-{name}"
    path.write_bytes(broken(FILES[name], changes))
    contents = read_or_refused(examine, str(path))
    assert contents is None or len(contents["items"]) > 1


@fuzzed
@given(changes=edits, victim=st.sampled_from(["dev-en.tsv", "dev-es.tsv"]))
def test_a_data_set_of_lines(tmp_path_factory, changes, victim):
    folder = tmp_path_factory.getbasetemp() / "fuzzed-xnli"
    write(folder / "dev-en.tsv", *NLI)
    write(folder / "dev-es.tsv", *NLI_ES)
    (folder / victim).write_bytes(broken((folder / victim).read_bytes(), changes))
    read_or_refused(scan, f"xnli:{folder}#dev")


@fuzzed
@given(changes=edits)
def test_a_data_set_of_questions(tmp_path_factory, changes):
    folder = tmp_path_factory.getbasetemp() / "fuzzed-xquad"
    paragraphs = ("The tower was built in 1990.", [("q1", "When?", [("1990", 23)])])
    for lang in ("en", "es"):
        squad(folder / f"xquad.{lang}.json", paragraphs)
    path = folder / "xquad.es.json"
    path.write_bytes(broken(path.read_bytes(), changes))
    read_or_refused(scan, f"xquad:{folder}")


SPECS = (
    "demo:nli", "demo:sentences", "xnli", "xnli#dev", "file:", "opus:", "#", ":", "/", "..", "~",
    "%00", "\x00", "dev", "test", " ", "\n", "x" * 5000, "café", "#heldout", "parallel:", "*", "?",
    "[", "-",
)  # fmt: skip


@fuzzed
@given(parts=st.lists(st.one_of(st.sampled_from(SPECS), st.text(max_size=4)), max_size=5))
def test_a_spec(parts, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.getbasetemp())
    read_or_refused(scan, "".join(parts))


ADDRESSES = {
    "one": fields.one_of("src", ["en", "es"]),
    "some": fields.some_of("langs", ["en", "es", "zh"]),
    "whole": fields.whole("layer", 0, 12, 8),
    "span": fields.span("ems", 0.0, 1.0),
    "flag": fields.flag("dark"),
    "words": fields.words("s1"),
}
values = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"\A[-+0-9.,e\u0660-\u0669 ]{0,12}\Z"),
    st.sampled_from(
        ["en,es", "0.2..0.4", "1e999..2", "nan..nan", "9" * 400, "٣", "1_0", "0x4", "en,,es"]
    ),
)


@fuzzed
@given(name=st.sampled_from(sorted(ADDRESSES)), text=values)
def test_an_address(name, text):
    field = ADDRESSES[name]
    try:
        value = field.read(text)
    except ValueError:  # the page says what was expected, and shows the default
        return
    assert field.read(field.write(value)) == value  # what it means can be written and read again
    if name in ("whole", "span"):
        low, high = field.limits
        assert all(low <= each <= high for each in (value if name == "span" else [value]))


@fuzzed
@given(text=st.text(max_size=80), cuts=st.lists(st.integers(0, 80), max_size=20))
def test_words_and_pieces_of_any_text(text, cuts):
    """Whatever is typed, words lie inside the text, in order, apart, and show something.

    White space stands at their ends only where it carries a mark.
    """
    spans = split_words(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    for graphemes in (regex.findall(r"\X", text[start:end]) for start, end in spans):
        assert not graphemes[0].isspace()
        assert not graphemes[-1].isspace()
    ends = sorted({min(cut, len(text)) for cut in cuts})
    offsets = list(zip([0, *ends], [*ends, len(text)], strict=True))
    mended = whole_offsets(text, offsets)
    assert len(mended) == len(offsets)
    assert all(0 <= start <= end <= len(text) for start, end in mended)
    for spaced in (True, False):
        read = segment_units(text, list(enumerate(mended)), spaced=spaced)
        members = [token for group in read.members for token in group]
        assert len(members) == len(set(members))
        assert len(read.units) == len(read.members)


@pytest.fixture(scope="module")
def copied(whole, tmp_path_factory):  # noqa: F811 - the fixture
    folder = tmp_path_factory.mktemp("fuzzed-model")
    shutil.copytree(whole, folder, dirs_exist_ok=True)
    return folder


@fuzzed
@given(changes=edits)
def test_a_configuration(copied, changes):
    path = copied / "config.json"
    sound = path.read_bytes()
    path.write_bytes(broken(sound, changes))
    place = ModelPlace("made", copied)
    try:
        read = read_or_refused(read_settings, place)
        if read is not None:
            read_or_refused(read_config, place, read)
    finally:
        path.write_bytes(sound)


@fuzzed
@given(changes=edits, length=st.one_of(st.none(), st.integers(0, 2**64 - 1)))
def test_the_header_of_weights(copied, changes, length):
    """Its length and its JSON, which say where each tensor lies."""
    path = copied / "model.safetensors"
    sound = path.read_bytes()
    (size,) = struct.unpack("<Q", sound[:8])
    header = broken(sound[8 : 8 + size], changes)
    told = len(header) if length is None else length
    path.write_bytes(struct.pack("<Q", told) + header + sound[8 + size :])
    try:
        read_or_refused(load_model, str(copied))
    finally:
        path.write_bytes(sound)
