"""How often do the 95% intervals hold the truth, and how often is p below 0.05 for nothing?

python -m research.documents.coverage [docs/statistics.md]

Simulates data whose true correlation is known and writes the tables into the page, between its two
marker lines.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from ccta_core.analysis.correlation import Correlation, correlate, mantel
from ccta_core.analysis.seeds import CheckpointScores, ContrastEstimate, of_checkpoints, over_seeds
from ccta_core.errors import CctaError

SIMULATIONS = 400
DRAWS = 500
PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
START, END = "<!-- coverage: start -->", "<!-- coverage: end -->"
_SIZES = (7, 15, 100)
_RHO = 0.6
_SHARED = 0.5
"""Share of the variance that items of a group have in common, in the designs with groups."""
_SEEDS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table. `coverage` in [0, 1]; `width` the mean length of the intervals.

    `rejected` is the share of p-values below 0.05.
    """

    what: str
    n: int
    truth: float
    method: str
    coverage: float
    width: float
    rejected: float


def pairs_of(n: int, rho: float, groups: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Normal x and y that correlate by rho, between groups and within. Shape: (2, items)."""
    if len(np.unique(groups)) == len(groups):
        return _normal(len(groups), rho, generator)
    common, own = _normal(n, rho, generator), _normal(len(groups), rho, generator)
    return np.sqrt(_SHARED) * common[:, groups] + np.sqrt(1 - _SHARED) * own


def correlations(simulations: int = SIMULATIONS, draws: int = DRAWS) -> Iterator[Row]:
    """Coverage of `correlate`: n independent units, alone, in threes and in uneven groups."""
    for what, n, kind, rho in product(_DESIGNS, _SIZES, ("pearson", "spearman"), (0.0, _RHO)):
        truth = 6 / np.pi * np.arcsin(rho / 2) if kind == "spearman" else rho
        found = _correlated(_DESIGNS[what](n), n, kind, rho, (simulations, draws))
        yield _row(f"{kind}, {what}", n, truth, found)


def tables(simulations: int = SIMULATIONS, draws: int = DRAWS) -> Iterator[Row]:
    """Coverage of `mantel`: a_ij = u_i + u_j + e_ij, and b alike, all parts correlated by rho."""
    for n, rho in product(_SIZES[:2], (0.0, _RHO)):
        found = _of_languages(n, rho, (simulations, draws))
        yield _row("Mantel, languages", n, rho, found)


def levels(simulations: int = 5 * SIMULATIONS, draws: int = 100) -> Iterator[Row]:
    """How often p is below 0.05 where the true value is 0, from more simulations of fewer draws."""
    resampling = (simulations, draws)
    for what, n in product(_DESIGNS, _SIZES[:2]):
        found = _correlated(_DESIGNS[what](n), n, "pearson", 0.0, resampling)
        yield _row(f"pearson, {what}", n, 0.0, found)
    for n in _SIZES[:2]:
        yield _row("Mantel, languages", n, 0.0, _of_languages(n, 0.0, resampling))


def trainings(simulations: int = SIMULATIONS, draws: int = DRAWS) -> Iterator[Row]:
    """Coverage of the difference of two training languages (truth 0), three seeds of each.

    50 groups of items; a seed moves its checkpoint's mean by as much (SD) as the items do.
    """
    for name, estimate in (("seeds and groups", over_seeds), ("groups only", of_checkpoints)):
        generator = np.random.default_rng(0)
        found = [
            estimate(_scores(50, generator), {"a": 1.0, "b": -1.0}, draws=draws, seed=number)
            for number in range(simulations)
        ]
        yield _row(f"{_SEEDS} seeds of two training languages, {name}", 50, 0.0, found)


def lines(rows: Sequence[Row]) -> list[str]:
    """A Markdown table of the rows."""
    head = "| what | n | true value | interval | holds it | mean width | p < 0.05 |"
    return [
        head,
        "|---|---|---|---|---|---|---|",
        *(
            f"| {row.what} | {row.n} | {row.truth:.3f} | {row.method} | {row.coverage:.1%} | "
            f"{row.width:.2f} | {row.rejected:.1%} |"
            for row in rows
        ),
    ]


def level_lines(rows: Sequence[Row]) -> list[str]:
    """A Markdown table of the rows' p-values alone."""
    return [
        "| what | n | p < 0.05 |",
        "|---|---|---|",
        *(f"| {row.what} | {row.n} | {row.rejected:.1%} |" for row in rows),
    ]


def inserted(page: str, text: str, marks: tuple[str, str] = (START, END)) -> str:
    """The page with `text` between the marker lines. Raises CctaError where they are missing."""
    before, start, rest = page.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not start or not end:
        raise CctaError(f"expected the lines {marks[0]} and {marks[1]} in the page; put them back")
    return f"{before}{start}\n\n{text}\n\n{end}{after}"


def main() -> None:
    """Simulates everything and writes the tables into the page."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    page = path.read_text("utf-8")
    rows, nothing = [*correlations(), *tables(), *trainings()], list(levels())
    text = [
        f"{SIMULATIONS} simulations of {DRAWS} draws for each line; the standard error of a share "
        f"near 95% or 5% is {_error(SIMULATIONS):.1%}. Written by "
        "`python -m research.documents.coverage`.",
        "",
        *lines(rows),
        "",
        f"The p-values alone, true value 0: {5 * SIMULATIONS:,} simulations of 100 draws, standard "
        f"error {_error(5 * SIMULATIONS):.1%}.",
        "",
        *level_lines(nothing),
    ]
    path.write_text(inserted(page, "\n".join(text)), "utf-8")


def _error(simulations: int) -> float:
    return float(np.sqrt(0.05 * 0.95 / simulations))


def _correlated(
    groups: np.ndarray, n: int, kind: str, rho: float, resampling: tuple[int, int]
) -> list[Correlation]:
    simulations, draws = resampling
    generator = np.random.default_rng([n, len(groups), round(10 * rho)])
    return [
        correlate(
            *pairs_of(n, rho, groups, generator),
            kind=kind,
            groups=groups,
            seed=number,
            draws=draws,
        )
        for number in range(simulations)
    ]


def _of_languages(n: int, rho: float, resampling: tuple[int, int]) -> list[Correlation]:
    simulations, draws = resampling
    rows, columns = np.triu_indices(n, 1)
    generator, found = np.random.default_rng([n, round(10 * rho)]), []
    for number in range(simulations):
        sides = _normal(n, rho, generator)
        both = sides[:, :, None] + sides[:, None, :]
        both[:, rows, columns] += _normal(len(rows), rho, generator)
        both[:, columns, rows] = both[:, rows, columns]
        found.append(mantel(*both, seed=number, draws=draws))
    return found


def _threes(n: int) -> np.ndarray:
    return np.repeat(np.arange(n), 3)


def _uneven(n: int) -> np.ndarray:
    """Sizes 1 to 8 in turn: no size is common."""
    return np.repeat(np.arange(n), 1 + np.arange(n) % 8)


_DESIGNS: dict[str, Callable[[int], np.ndarray]] = {
    "independent items": np.arange,
    "groups of 3": _threes,
    "groups of 1 to 8": _uneven,
}


def _normal(n: int, rho: float, generator: np.random.Generator) -> np.ndarray:
    x, e = generator.normal(size=(2, n))
    return np.stack([x, rho * x + np.sqrt(1 - rho**2) * e])


def _scores(groups: int, generator: np.random.Generator) -> CheckpointScores:
    """Two training languages on the same items: item, training x item and seed effects."""
    items = generator.normal(size=groups)
    by_language = {}
    for name in ("a", "b"):
        own = generator.normal(size=groups)
        seeds = generator.normal(size=(_SEEDS, 1)) / np.sqrt(groups)
        noise = 0.5 * generator.normal(size=(_SEEDS, groups))
        by_language[name] = items + own + seeds + noise
    return CheckpointScores(by_language, np.ones(groups))


def _row(what: str, n: int, truth: float, found: Sequence[Correlation | ContrastEstimate]) -> Row:
    known = [(one.low, one.high) for one in found if one.low is not None and one.high is not None]
    held = [low - 1e-9 <= truth <= high + 1e-9 for low, high in known]
    methods = {_interval(one) for one in found}
    return Row(
        what,
        n,
        float(truth),
        " or ".join(sorted(methods)),
        float(np.mean(held)),
        float(np.mean([high - low for low, high in known])),
        float(np.mean([one.p is not None and one.p < 0.05 for one in found])),
    )


def _interval(one: Correlation | ContrastEstimate) -> str:
    """The kind of the interval: "BCa" of "pearson; interval: BCa, 500 draws; p: permutation"."""
    if isinstance(one, ContrastEstimate):
        return "difference"
    return one.method.partition("interval: ")[2].partition(",")[0]


if __name__ == "__main__":
    main()
