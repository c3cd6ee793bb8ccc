"""Every `ccta ...` line that is written is read by the real parser as what was meant."""

import argparse
import shlex
import subprocess
from collections import namedtuple
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ccta_core.cli.main import _Parser, _parser
from ccta_core.cli.sensitivity import _command
from ccta_core.cli.train import _reading_command
from ccta_core.config import Config
from ccta_core.models.catalog import find
from ccta_core.reports.study.errors import pair_command
from ccta_core.study.request import StudyRequest
from ccta_core.text import command_line, option
from ccta_core.types import ParallelExample, Sentence
from dashboard.views.pair.share import command as of_pair
from dashboard.views.pair.view import PairRequest
from dashboard.views.studies.tables import command as of_study
from dashboard.widgets.study_bar import commands

SLOW = settings(deadline=None)  # machines are shared
MODEL = "e5-small/nli-en"
# What shells, shlex and argparse each take for something else.
_AWKWARD = "--=-'\"\\$`!#&|;<>()*?~{}[]%@ \t\na1éñ日本ع\u0301👩\u200d👧\u00a0\u2028"
awkward = st.one_of(
    st.sampled_from(["-Stop!", "-", "--", "--help", "-1", "--source=x", "-h", "'", "a\nb", "$(x)"]),
    st.text(alphabet=_AWKWARD, min_size=1, max_size=20),
    st.text(alphabet=_AWKWARD, max_size=12).map("-{}".format),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1),
)


def parsed(line):
    """The options that the program reads from a line typed in a shell."""
    program, *words = shlex.split(line)
    assert program == "ccta"
    return _parser().parse_args(words)


def sentence(text, lang, *more):
    """A sentence that holds any text: what a text may be is not what is asked here."""
    made = object.__new__(Sentence)
    for name, value in zip(("text", "lang", "text2", "focus"), (text, lang, *more), strict=True):
        object.__setattr__(made, name, value)
    return made


@SLOW
@given(awkward)
@example("-Stop!")
def test_an_option_is_read_as_it_was_given(text):
    parser = _Parser()
    parser.add_argument("--text-2")
    parser.add_argument("--more")
    words = [*option("text_2", text), *option("more", 1)]
    found = parser.parse_args(shlex.split(command_line(words))[1:])
    assert (found.text_2, found.more) == (text, "1")


def test_only_what_needs_it_is_written_as_one_argument():
    assert command_line(["pair", *option("source", "The ferry left."), *option("layer", 8)]) == (
        "ccta pair --source 'The ferry left.' --layer 8"
    )
    assert command_line(["pair", *option("source", "-Stop!")]) == "ccta pair '--source=-Stop!'"


@SLOW
@given(awkward, awkward, st.none() | awkward, awkward)
@example("-Stop!", "-¡Para!", "-Go on.", "-1")
def test_the_pair_pages_line_is_the_pair(source, target, second, label):
    sides = [sentence(source, "en", second, ((0, 3),)), sentence(target, "es", second, ())]
    config = Config(layer=8, target_class=label, shuffles=7)
    found = parsed(of_pair(PairRequest(find(MODEL), *sides, config)))
    assert (found.source, found.target) == (source, target)
    assert (found.source_2, found.target_2) == (second, second)
    assert (found.source_focus, found.target_focus) == (["0:3"], [])
    assert (found.model, found.source_lang, found.target_lang) == (MODEL, "en", "es")
    assert (found.layer, found.target_class, found.shuffles) == (8, label, 7)


Manifest = namedtuple("Manifest", "config")
Row = namedtuple("Row", "model source_lang target_lang layer gold")


@SLOW
@given(awkward, awkward, st.none() | awkward, awkward)
@example("-Stop!", "-¡Para!", "-Go on.", "-1")
def test_the_errors_pages_line_is_the_pair(source, target, second, label):
    sides = {
        "en": sentence(source, "en", second, ()), "es": sentence(target, "es", None, ((1, 2),)),
    }  # fmt: skip
    manifest = Manifest(asdict(Config(seed=3, align_layer=2)))
    row = Row(label, "en", "es", 4, label)
    found = parsed(pair_command(manifest, row, ParallelExample("a", "a", None, sides)))
    assert (found.source, found.target, found.source_2) == (source, target, second)
    assert found.target_2 is None
    assert (found.model, found.target_class, found.target_focus) == (label, label, ["1:2"])
    assert (found.layer, found.seed, found.align_layer) == (4, 3, 2)


@SLOW
@given(awkward, awkward)
@example("file:-x y.csv", "-m")
def test_a_studys_line_and_its_process_are_the_order(data, model):
    order = StudyRequest(
        name="one", data=data, models=[model], layers=[0, 8], languages=["en", "es"], limit=5,
        allow_overlap=True, random_head=True, crop=19,
    )  # fmt: skip
    for found in (
        parsed(of_study(order, 2)),
        _parser().parse_args(["study", "run", *order.arguments]),
    ):
        assert (found.name, found.data, found.model) == ("one", data, model)
        assert (found.layers, found.langs, found.limit, found.crop) == ("0,8", "en,es", 5, 19)
        assert (found.allow_overlap, found.random_head, found.per_group) == (True, True, None)
    assert parsed(of_study(order, 2)).workers == 2


@SLOW
@given(awkward)
@example("-out")
def test_a_report_of_sensitivity_and_a_trainings_last_line_are_read_again(text):
    words = ["sensitivity", *option("model", text), *option("markdown", text)]
    options = _parser().parse_args(words)
    again = parsed(_command(options))
    assert vars(again) == vars(options)
    # The line of `ccta models train` names the folder alone: languages and texts are to be added.
    line = shlex.split(_reading_command(Path(text)))[1:]
    assert _parser().parse_args([*line, "--source-lang", "en", "--target-lang", "es"]).model == str(
        Path(text)
    )


@pytest.mark.parametrize("page", ["languages", "correlation", "errors", "learn", "other"])
def test_a_studys_pages_lines_are_read(page):
    found = [parsed(line) for line in commands(page, "my-study.1_a")]
    named = [vars(options).get("name") or options.names for options in found]
    assert all(name in ("my-study.1_a", ["my-study.1_a"]) for name in named)
    assert found[-1].to == "my-study.1_a.html"
    assert len(found) == (1 if page == "other" else 2)


@pytest.mark.parametrize("text", ["-Stop!", "it's $HOME `id` \\n", 'a "b"\nc', "--", "日本 'x'"])
def test_a_shell_reads_the_line_as_it_was_meant(text):
    """A real one, not only Python's reading of it."""
    line = command_line(["pair", *option("source", text)])
    shell = subprocess.run(
        ["sh", "-c", f"ccta() {{ printf '%s\\0' \"$@\"; }}\n{line}"],
        capture_output=True, check=True,
    )  # fmt: skip
    assert shell.stdout.decode().split("\0")[:-1] == shlex.split(line)[1:]
    assert text in shell.stdout.decode()


def test_every_help_ends_with_an_example():
    def walk(parser):
        assert "ccta " in (parser.epilog or ""), parser.prog
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for below in action.choices.values():
                    walk(below)

    walk(_parser())
