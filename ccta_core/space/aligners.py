"""Runs statistical word aligners, eflomal and systran-align, as an option: `pip install
.[align]`.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

from ccta_core.errors import CctaError
from ccta_core.space.links import Links, one_to_one

ALIGNERS = ("eflomal", "systran-align")
Bitext = Sequence[tuple[Sequence[str], Sequence[str]]]
"""Tokenised sentence pairs; no token is empty or holds a space."""


def statistical_links(name: str, bitext: Bitext) -> list[Links]:
    """Returns strictly one-to-one links of every sentence pair: those of `intersected_links`
    whose words have no other link. Raises CctaError as it does.
    """
    return [one_to_one(links) for links in intersected_links(name, bitext)]


def intersected_links(name: str, bitext: Bitext) -> list[set[tuple[int, int]]]:
    """Returns links of every sentence pair that both directions agree on, from a model estimated on
    all.

    eflomal (HMM with fertility, Östling and Tiedemann, 2016): both directions, intersected.
    systran-align (fast_align, Dyer et al., 2013): the package gives both directions only as their
    symmetrised union (grow-diag-final), which stands for what both agree on. Words are lower-cased.
    Raises CctaError where the package is missing, or on an unknown name.
    """
    package = load_aligner(name)
    lowered = [([w.lower() for w in left], [w.lower() for w in right]) for left, right in bitext]
    with TemporaryDirectory(prefix="ccta-align-") as folder:
        run = _eflomal if name == "eflomal" else _systran
        return run(package, lowered, Path(folder))


def load_aligner(name: str) -> ModuleType:
    """Imports the aligner's package.

    Raises CctaError where it is missing, saying what to install, or on an unknown name.
    """
    if name not in ALIGNERS:
        raise CctaError(f"unknown aligner {name!r}; expected one of: {', '.join(ALIGNERS)}")
    try:
        return importlib.import_module(name.replace("-", "_"))
    except ImportError as error:
        raise CctaError(
            f"the aligner {name} is not installed; pip install '.[align]' or pip install {name}"
        ) from error


def _eflomal(package: ModuleType, bitext: Bitext, folder: Path) -> list[set[tuple[int, int]]]:
    forward, backward = folder / "forward", folder / "backward"
    package.Aligner(model=3, n_samplers=3).align(
        [" ".join(left) for left, _ in bitext],
        [" ".join(right) for _, right in bitext],
        links_filename_fwd=str(forward),
        links_filename_rev=str(backward),
    )
    ways = [_read_links(path, len(bitext)) for path in (forward, backward)]
    return [
        forward_links & backward_links for forward_links, backward_links in zip(*ways, strict=True)
    ]


def _read_links(path: Path, expected: int) -> list[set[tuple[int, int]]]:
    lines = path.read_text(encoding="ascii").splitlines()
    if len(lines) != expected:
        raise CctaError(f"eflomal aligned {len(lines)} sentence pairs of {expected}")
    links: list[set[tuple[int, int]]] = []
    for line in lines:
        pairs = (text.split("-") for text in line.split())
        links.append({(int(left), int(right)) for left, right in pairs})
    return links


def _systran(package: ModuleType, bitext: Bitext, folder: Path) -> list[set[tuple[int, int]]]:
    text, forward, backward = (folder / name for name in ("text", "forward", "backward"))
    text.write_text(
        "".join(f"{' '.join(left)} ||| {' '.join(right)}\n" for left, right in bitext), "utf-8"
    )
    package.generate_alignment_probabilities(
        str(text),
        str(forward),
        str(backward),
        favor_diagonal=True,
        optimize_tension=True,
        variational_bayes=True,
    )
    aligned = package.Aligner(str(forward), str(backward)).align_batch(
        [list(left) for left, _ in bitext], [list(right) for _, right in bitext]
    )
    return [{(int(i), int(j)) for i, j in item["alignments"]} for item in aligned]
