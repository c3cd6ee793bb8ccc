"""What an adjustment is: every number that decides its weights, and the folder it lives in."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import regex

from ccta_core.adjustment.links import ARGMAX, METHODS
from ccta_core.adjustment.objective import check_target
from ccta_core.config import cache_root
from ccta_core.errors import CctaError, DamagedFileError
from ccta_core.languages import language
from ccta_core.models.catalog import ADJUSTED, BACKBONE, catalog
from ccta_core.study.run.locks import held
from ccta_core.whole_files import whole_file

FREEZES = ("none", "lower")
LEAST = 10
"""Pairs that a run needs: below it the warm-up over a tenth of them is none."""
MANIFEST = "manifest.json"
LOCK = "process"
"""A file that a run keeps locked while it is at work."""
ROWS = {"losses": "losses.jsonl", "gradients": "gradients.jsonl", "probes": "probe.jsonl"}
"""Tables that a run leaves, a row a line."""
_NAME = regex.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_COUNTS = (
    "held", "probes", "batch_size", "epochs", "rank", "alpha", "log_every", "checkpoint_every"
)  # fmt: skip
_FULL_RATE, _LORA_RATE = 5e-5, 5e-4


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One run: which model learns from which pairs, and how (docs/method.md, 7).

    `parallel` are specs of parallel text (parallel.py), `pairs` how many of its pairs are drawn
    (None: all), `held` how many are kept out to measure on. `full` trains every weight, else a
    low-rank adapter is trained. `learning_rate` None is 5e-5 (full) or 5e-4. `layer` None takes
    word vectors of the last layer; `link_layer` None links words at the model's own alignment
    layer. `noise` re-pairs a share of the links at random inside their pairs, `placebo` all of
    them. `freeze` "lower" keeps the embeddings and the lower half of the layers as they are.
    `tests` are data sets that will be scored: pairs that share a sentence are left out, or stay
    with `allow_overlap`. Raises CctaError on what can't be run.
    """

    name: str
    lang: str
    parallel: tuple[str, ...]
    model: str = BACKBONE
    pairs: int | None = None
    held: int = 200
    seed: int = 1
    full: bool = False
    rank: int = 8
    alpha: int = 16
    learning_rate: float | None = None
    batch_size: int = 32
    epochs: int = 1
    warmup_share: float = 0.1
    anchor_weight: float = 1.0
    target: str = "current"
    layer: int | None = None
    link_layer: int | None = None
    aligner: str = ARGMAX
    freeze: str = "none"
    placebo: bool = False
    noise: float = 0.0
    bfloat16: bool = True
    tests: tuple[str, ...] = ()
    allow_overlap: bool = False
    log_every: int = 10
    """Steps between two rows of gradient norms."""
    checkpoint_every: int = 20
    """Steps between two checkpoints that a killed run resumes from."""
    probes: int = 12
    """Measurements on the held-out pairs, evenly spaced, the first before the first step."""

    def __post_init__(self) -> None:
        check_name(self.name)
        language(self.lang)
        check_target(self.target)
        _check_choice("aligner", self.aligner, METHODS)
        _check_choice("freeze", self.freeze, FREEZES)
        if not self.parallel:
            raise CctaError("an adjustment needs parallel text; name some")
        if self.pairs is not None and self.pairs < LEAST:
            raise CctaError(
                f"{self.pairs} pairs are too few to warm up on; expected at least {LEAST}"
            )
        for name in _COUNTS:
            if getattr(self, name) < 1:
                raise CctaError(f"{name} is {getattr(self, name)}; expected at least 1")
        self._check_shares()

    def _check_shares(self) -> None:
        if not 0 <= self.rate < 1:
            raise CctaError(f"learning_rate is {self.rate}; expected 0 up to below 1")
        if not 0 <= self.noise <= 1 or (self.placebo and self.noise):
            raise CctaError(
                f"noise is {self.noise}; expected a share of links from 0 to 1, and 0 beside a "
                "placebo, which re-pairs them all"
            )
        if not 0 <= self.seed < 2**31:
            raise CctaError(f"seed is {self.seed}; expected 0 to {2**31 - 1}")
        if self.anchor_weight < 0:
            raise CctaError(f"anchor_weight is {self.anchor_weight}; expected 0 or more")

    @property
    def rate(self) -> float:
        """The learning rate after the warm-up."""
        if self.learning_rate is not None:
            return self.learning_rate
        return _FULL_RATE if self.full else _LORA_RATE

    @property
    def folder(self) -> Path:
        """Where the run and its result lie."""
        return folder_of(self.name)

    @property
    def id(self) -> str:
        """The id of the adjusted backbone."""
        return f"{ADJUSTED}/{self.name}"

    @property
    def corrupted_share(self) -> float:
        """The share of links that are re-paired."""
        return 1.0 if self.placebo else self.noise


def check_name(name: str) -> None:
    """Raises CctaError on a name that can't be a folder's everywhere."""
    if not _NAME.fullmatch(name):
        raise CctaError(
            f"a name is letters, digits, dots, dashes and underscores, at most 80; found {name!r}"
        )


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise CctaError(f"unknown {name} {value!r}; expected one of: {', '.join(choices)}")


def folder_of(name: str) -> Path:
    """Returns where an adjustment lies: among the models of the cache folder."""
    return cache_root() / "models" / ADJUSTED / name


def check_free(name: str) -> None:
    """Raises CctaError where the name stands for another run or model already."""
    if (folder_of(name) / MANIFEST).exists() or f"{ADJUSTED}/{name}" in catalog():
        raise CctaError(
            f"the name {name} stands for another adjustment; choose another, or resume that one"
        )


def read_manifest(name: str) -> dict[str, Any]:
    """Reads a run's manifest. Raises CctaError, listing the runs there are, where there is none
    of this name.
    """
    path = folder_of(name) / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise CctaError(
            f"there is no adjustment {name!r}; expected one of: {', '.join(names()) or 'none yet'}"
        ) from error
    except (OSError, ValueError) as error:
        raise DamagedFileError(f"{path} can't be read ({error}); restore it") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("settings"), dict):
        raise DamagedFileError(
            f"{path} has no settings of a run; restore it, or delete its folder to free the name"
        )
    return manifest


def read_settings(name: str) -> Adjustment:
    """Returns the settings of a run that was begun. Raises CctaError as `read_manifest`."""
    facts = dict(read_manifest(name)["settings"])
    for field in ("parallel", "tests"):
        facts[field] = tuple(facts[field])
    return Adjustment(**facts)


def as_facts(settings: Adjustment) -> dict[str, Any]:
    """Returns the settings as JSON."""
    return json.loads(json.dumps(asdict(settings)))


def names() -> list[str]:
    """Returns every run that was begun here, by name."""
    return sorted(path.parent.name for path in folder_of("x").parent.glob(f"*/{MANIFEST}"))


def status_of(manifest: Mapping[str, Any], name: str) -> str:
    """Returns running, finished, or stopped: a run that no process holds any more can be
    resumed.
    """
    status = str(manifest.get("status", "stopped"))
    return "stopped" if status == "running" and not held(folder_of(name) / LOCK) else status


def read_rows(name: str, table: str) -> list[dict[str, Any]]:
    """Returns the rows of a run's table (a key of ROWS) as of its last checkpoint."""
    path = folder_of(name) / ROWS[table]
    if not path.exists():
        return []
    try:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise DamagedFileError(f"{path} can't be read ({error}); resume the run") from error


def list_runs() -> list[dict[str, Any]]:
    """Returns a row a run: its main settings, status, and AUC at start and end (cosine, its own
    layer).
    """
    rows = []
    kept = ("lang", "model", "pairs", "seed", "full", "placebo", "noise")
    for name in names():
        try:
            manifest = read_manifest(name)
        except DamagedFileError:  # the others are still to be seen
            nothing = dict.fromkeys((*kept, "auc_at_start", "auc"))
            rows.append({"name": name, "status": "damaged"} | nothing)
            continue
        settings = manifest["settings"]
        probes = read_rows(name, "probes")
        depth = max((row["layer"] for row in probes), default=0)
        layer = depth if settings["layer"] is None else settings["layer"]
        aucs = [row["auc_cosine"] for row in probes if row["layer"] == layer]
        rows.append(
            {"name": name, "status": status_of(manifest, name)}
            | {key: settings[key] for key in kept}
            | {"auc_at_start": aucs[0] if aucs else None, "auc": aucs[-1] if aucs else None}
        )
    return rows


@contextmanager
def hold_alone(path: Path, name: str) -> Iterator[IO[str]]:
    """Holds a lock for this process; its file, which a child process may inherit.

    Raises CctaError where another process has it.
    """
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CctaError(f"{name} is at work in another process; wait for it") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file


def write_json(path: Path, facts: Any) -> None:
    """Writes JSON whole or not at all."""
    write_whole(path, (json.dumps(facts, ensure_ascii=False, indent=1) + "\n").encode())


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all. Raises OSError where the folder can't be written."""
    with whole_file(path) as file:
        file.write(data)
