"""What a study is asked to be: every setting once, as a field of `StudyRequest`.

A field carries its help, its flag, its range, how its text is read and how a form asks for it. From
the fields come the flags of `ccta study run`, the arguments of a process of its own, the keywords
of `ccta.run_study`, the form of the page Studies and, through `RecordedSettings`, the keys of a
study's manifest. To add a setting, add a field here and let what it decides read it.
"""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Literal

import regex

from ccta_core.config import BASELINES, MASSES, METHODS, PRECISIONS, SPACES, Config, Quadrature
from ccta_core.errors import CctaError
from ccta_core.text import option, read_whole

CHUNK = 18
"""Items of a chunk: three blocks of six unrelated items (`drawing.py`)."""
LEAST_CROP = 16
"""Tokens: with fewer there is no context to speak of."""
MOST_ITEMS = 1_000_000
"""Items that a form lets a person ask for."""
_MOST_LAYERS = 9999
_NAME = regex.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_SETTING = "setting"

Kind = Literal["text", "names", "numbers", "count", "number", "switch"]
"""How a setting's text is read: as it is; names or whole numbers with commas between them; one
whole number; one number; given or not."""
Place = Literal["flag", "form", "manifest", "keyword"]
"""Where a setting can be offered or kept."""


@dataclass(frozen=True, slots=True)
class FormField:
    """How the form asks for a setting: its key in the address, its label, what may be chosen.

    A number runs from 0, which stands for none, to `most`.
    """

    key: str
    label: str
    help: str | None = None
    most: int = MOST_ITEMS
    step: int = 1
    folded: bool = False
    """Among what is seldom changed."""


@dataclass(frozen=True, slots=True)
class StudySetting:
    """One setting of a study: how a command line, a form and Python offer it."""

    help: str
    flag: str | None = None
    """As it is typed after two dashes."""
    kind: Kind = "text"
    metavar: str | None = None
    choices: tuple[str, ...] | None = None
    required: bool = False
    least: int | None = None
    too_small: str = "{} is too small"
    """What to say of a number below `least`, which stands for the braces."""
    form: FormField | None = None
    absent: Mapping[Place, str] = field(default_factory=lambda: MappingProxyType({}))
    """Where it is not offered or kept, and why."""

    def add_argument(self, parser: argparse.ArgumentParser, default: Any) -> None:
        """Declares the flag; lists stay text until `StudyRequest.from_options` reads them."""
        if self.kind == "switch":
            parser.add_argument(f"--{self.flag}", action="store_true", help=self.help)
            return
        if isinstance(default, tuple):
            default = ",".join(map(str, default))
        usual = "" if default is None else f" ({default})"
        parser.add_argument(
            f"--{self.flag}",
            required=self.required,
            type={"count": int, "number": float}.get(self.kind, str),
            choices=self.choices,
            metavar=self.metavar,
            help=f"{self.help}{usual}",
            default=default,
        )

    def read(self, written: Any) -> Any:
        """Returns the value of what argparse has read. Raises CctaError on a list that is none."""
        if written is None or self.kind in ("text", "count", "number", "switch"):
            return written
        parts = written.split(",")
        if self.kind == "names":
            return tuple(parts) if written else None
        try:
            return tuple(read_whole(part.strip(), 0, _MOST_LAYERS) for part in parts)
        except ValueError:
            raise CctaError(f"{self.flag} {written[:40]!r}: expected numbers, as in 0,8") from None

    def arguments(self, value: Any) -> list[str]:
        """Returns the words of a command line that give the setting this value; none for None."""
        if self.flag is None or value is None or value is False:
            return []
        if self.kind == "switch":
            return [f"--{self.flag}"]
        listed = isinstance(value, (tuple, list))
        return option(self.flag, ",".join(map(str, value)) if listed else value)

    def check(self, value: Any) -> None:
        """Raises CctaError on a number below the least."""
        if self.least is not None and value is not None and value < self.least:
            raise CctaError(f"{self.too_small.format(value)}; expected {self.least} or more")


CONFIG_SETTINGS: Mapping[str, StudySetting] = MappingProxyType({
    "align_layer": StudySetting(
        "layer of the embeddings that are compared (the model's)", "align-layer", "count"
    ),
    "space": StudySetting("space in which they are compared", "space", choices=SPACES),
    "baseline": StudySetting("where attribution begins", "baseline", choices=BASELINES),
    "mass": StudySetting("what of the scores becomes mass", "mass", choices=MASSES),
    "method": StudySetting("method of attribution", "method", choices=METHODS),
    "precision": StudySetting("numbers of the forward pass", "precision", choices=PRECISIONS),
    "tolerance": StudySetting(
        "largest error of the unit masses, L1, 90%% bound", "tolerance", "number"
    ),
    "shuffles": StudySetting("shuffles of the masses, exactly so many", "shuffles", "count"),
    "unrelated": StudySetting("unrelated items behind a chance level", "unrelated", "count"),
    "seed": StudySetting("seed of the shuffles", "seed", "count"),
})  # fmt: skip
"""The fields of Config that the command line has flags for, and the tolerance of its quadrature.
Their ranges are Config's."""
CONFIG_WITHOUT_FLAG: Mapping[str, str] = MappingProxyType({
    "layer": "a study's layers are a setting of their own: layers",
    "target_class": "a study explains the gold label of every item",
    "objective": "chosen for experiments in Python",
    "quadrature": "its tolerance has a flag; rule and points are chosen in Python",
})  # fmt: skip
"""The fields of Config that it has none for, and why."""
_OF_A_PAIR = ("layer", "target_class")  # fields of Config that a study has no use for
_CONFIG_ONLY_PYTHON = "the form measures with the settings a study has where none are given"


def _setting(default: Any, help_text: str, /, **how: Any) -> Any:
    """Returns a field of a dataclass that is a setting; `...` for one that has no default."""
    metadata = {_SETTING: StudySetting(help_text, **how)}
    return field(metadata=metadata) if default is ... else field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSettings:
    """The settings that a study's manifest keeps under the same names as they were asked for."""

    name: str = _setting(
        ..., "the study's name", flag="name", required=True, form=FormField("name", "Name")
    )
    data: str = _setting(
        ..., "see `ccta data list`", flag="data", metavar="SPEC", required=True,
        form=FormField("data", "Data"),
    )  # fmt: skip
    models: tuple[Any, ...] = _setting(
        ..., "see `ccta models list`", flag="model", kind="names", metavar="ID[,ID]",
        required=True, form=FormField("models", "Models"),
    )  # fmt: skip
    """Ids or folders; a manifest has what is known of each."""
    layers: tuple[int, ...] = _setting(
        (0,), "layers, as in 0,8", flag="layers", kind="numbers",
        form=FormField("layers", "Layers"),
    )  # fmt: skip
    languages: tuple[str, ...] | None = _setting(
        None, "languages, as in en,es,zh (all the data has)", flag="langs", kind="names",
        form=FormField("langs", "Languages"),
    )  # fmt: skip
    """None takes all; a manifest has those that were found."""
    crop: int | None = _setting(
        None, "cut contexts of questions around their answers", flag="crop", kind="count",
        metavar="TOKENS", least=LEAST_CROP, too_small="a crop of {} tokens leaves no context",
        form=FormField(
            "crop", "Tokens of context (0 takes all)",
            "Around the answer: attributions of long contexts take long", most=512, step=32,
        ),
    )  # fmt: skip
    """Tokens of the longest context; None takes whole contexts."""
    per_group: int | None = _setting(
        None, "at most N items of each premise or paragraph", flag="per-group", kind="count",
        metavar="N", least=1, too_small="{} items of a group measure nothing",
        form=FormField("each", "Items of a premise or paragraph (0 takes all)",
                       "Items of one group are no independent evidence", folded=True),
    )  # fmt: skip
    spread: bool = _setting(
        False, "items at even distances over the data, one of a group", flag="spread",
        kind="switch", form=FormField(
            "spread", "Items spread evenly over the data",
            "One of a premise or paragraph: files come in blocks of a genre", folded=True),
    )  # fmt: skip
    chunk: int = _setting(
        CHUNK, "items that are measured together", least=1,
        too_small="a chunk of {} items measures nothing",
        absent={
            "flag": "whole blocks of unrelated items are cheapest; tests take others",
            "form": "whole blocks of unrelated items are cheapest",
        },
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRequest(RecordedSettings):
    """A study as a person asks for it.

    Lists become tuples, and so does a single name. Raises CctaError (one line) on what can be seen
    without reading the data: a name that is no folder name, no model, no layer, fewer than two
    languages, a number out of its range.
    """

    limit: int | None = _setting(
        None, "N items (the first, or spread)", flag="limit", kind="count", metavar="N",
        least=1, too_small="a limit of {} items reads nothing",
        form=FormField("limit", "Items (0 takes all)", step=18),
        absent={"manifest": "it has the number of the items that were read, and their hash"},
    )  # fmt: skip
    config: Config = _setting(  # noqa: RUF009 - a frozen value
        Config(shuffles=20), "the settings of one comparison",
        absent={
            "flag": "its fields have flags of their own",
            "form": _CONFIG_ONLY_PYTHON,
        },
    )  # fmt: skip
    allow_overlap: bool = _setting(
        False, "items a model was trained on", flag="allow-overlap", kind="switch",
        form=FormField("overlap", "Items a model was trained on too",
                       "Its scores on such items say nothing", folded=True),
        absent={"manifest": "it changes no row: what a model was trained on is in its card"},
    )  # fmt: skip
    random_head: bool = _setting(
        False, "the first model under a random head too", flag="random-head", kind="switch",
        form=FormField("random", "The first model under a random head too",
                       "A sanity check: what a head that learned nothing gives", folded=True),
        absent={"manifest": "the model with a random head is among its models"},
    )  # fmt: skip

    def __post_init__(self) -> None:
        for name in ("models", "layers", "languages"):
            object.__setattr__(self, name, _as_tuple(name, getattr(self, name)))
        if not self.name:
            raise CctaError("a study needs a name; type one")
        check_name(self.name)
        if not self.models:
            raise CctaError("a study needs at least one model; choose one")
        if not self.layers:
            raise CctaError("a study needs at least one layer; choose one")
        if self.languages is not None and len(self.languages) < 2:
            raise CctaError(
                f"a study compares languages; choose two or more, found {len(self.languages)}"
            )
        for name in _OF_A_PAIR:
            if getattr(self.config, name) != getattr(default_of("config"), name):
                raise CctaError(f"a study takes no {name}: {CONFIG_WITHOUT_FLAG[name]}")
        for name, setting in settings().items():
            setting.check(getattr(self, name))

    @classmethod
    def from_keywords(cls, **keywords: Any) -> "StudyRequest":
        """Returns a request from its fields and those of Config, as `ccta.run_study` takes them.

        Raises CctaError on a keyword that is neither, and as the request does.
        """
        names = {each.name for each in fields(cls)}
        for name in set(keywords) - names - _config_names():
            known = ", ".join(keyword_defaults())
            raise CctaError(f"unknown setting {name!r}; expected one of: {known}")
        config = keywords.pop("config", None) or default_of("config")
        changes = {name: keywords.pop(name) for name in _config_names() & keywords.keys()}
        return cls(**keywords, config=replace(config, **changes) if changes else config)

    @classmethod
    def from_options(cls, options: argparse.Namespace) -> "StudyRequest":
        """Returns the request of a command line, or raises CctaError (`add_arguments`)."""
        values = {
            name: setting.read(getattr(options, setting.flag.replace("-", "_")))
            for name, setting in settings().items()
            if setting.flag
        }
        config = {name: getattr(options, name) for name in CONFIG_SETTINGS}
        quadrature = Quadrature(tolerance=config.pop("tolerance"))
        return cls(**values, config=Config(**config, quadrature=quadrature))

    @property
    def arguments(self) -> list[str]:
        """The arguments of `ccta study run` that ask for the same.

        Raises CctaError where a setting has no flag and is not as it is without one.
        """
        usual = default_of("config")
        alike = replace(self.config.quadrature, tolerance=usual.quadrature.tolerance)
        flagless = replace(self.config, quadrature=alike)
        lost = [name for name in CONFIG_WITHOUT_FLAG
                if getattr(flagless, name) != getattr(usual, name)]  # fmt: skip
        lost += [name for name, setting in settings().items()
                 if setting.flag is None and name != "config"
                 and getattr(self, name) != default_of(name)]  # fmt: skip
        if lost:
            raise CctaError(f"{lost[0]} can't be chosen on a command line; run it from Python")
        return [
            *(
                word
                for name, setting in settings().items()
                for word in setting.arguments(getattr(self, name))
            ),
            *(
                word
                for name, setting in CONFIG_SETTINGS.items()
                if _flag_value(self.config, name) != _flag_value(usual, name)
                for word in setting.arguments(_flag_value(self.config, name))
            ),
        ]

    @property
    def recorded(self) -> dict[str, Any]:
        """The settings that a manifest keeps as they are, by their names in both."""
        read_from_data = ("models", "languages")
        return {
            each.name: getattr(self, each.name)
            for each in fields(RecordedSettings)
            if each.name not in read_from_data
        }


def settings() -> dict[str, StudySetting]:
    """Returns the settings of a study by name, in the order in which they are offered."""
    return {each.name: each.metadata[_SETTING] for each in fields(StudyRequest)}


def setting(name: str) -> StudySetting:
    """Returns one setting by its name."""
    return settings()[name]


def default_of(name: str) -> Any:
    """Returns a setting's value where it is not given."""
    return next(each.default for each in fields(StudyRequest) if each.name == name)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares a flag for every setting that has one."""
    for name, each in settings().items():
        if each.flag:
            each.add_argument(parser, None if each.required else default_of(name))
    for name, each in CONFIG_SETTINGS.items():
        each.add_argument(parser, _flag_value(default_of("config"), name))


def keyword_defaults() -> dict[str, Any]:
    """Returns the keywords of `ccta.run_study` that are settings, with their defaults; Config's are
    last, without those of a pair alone.
    """
    usual = default_of("config")
    return {
        **{
            each.name: None if each.name == "config" else each.default
            for each in fields(StudyRequest)
            if not settings()[each.name].required
        },
        **{name: getattr(usual, name) for name in sorted(_config_names() - set(_OF_A_PAIR))},
    }


def form_fields(*, folded: bool | None = None) -> Iterator[tuple[str, FormField]]:
    """Yields what the form asks for, by setting; with `folded` only what is folded, or is not."""
    for name, each in settings().items():
        if each.form is not None and folded in (None, each.form.folded):
            yield name, each.form


def check_name(name: str) -> None:
    """Raises CctaError on a name that can't be a folder's everywhere."""
    if not _NAME.fullmatch(name):
        raise CctaError(
            f"a study's name is letters, digits, dots, dashes and underscores, at most 80; "
            f"found {name!r}"
        )


def _as_tuple(name: str, value: Any) -> tuple[Any, ...] | None:
    if value is None or isinstance(value, str):
        return None if value is None else (value,)
    if not isinstance(value, Iterable):
        raise CctaError(f"{name} is {value!r}; expected a list")
    return tuple(value)


def _flag_value(config: Config, name: str) -> Any:
    """Returns what a flag of CONFIG_SETTINGS stands for in a config."""
    return config.quadrature.tolerance if name == "tolerance" else getattr(config, name)


def _config_names() -> set[str]:
    return {each.name for each in fields(Config)}
