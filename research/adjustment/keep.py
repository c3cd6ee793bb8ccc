"""Keeps the finished cells of the experiment in research/adjustment/cells: it goes on from there.

python -m research.adjustment.keep [CELL ...] [--data FOLDER] [--weights-of 1] [--weights-in es,hi]

Weights and scores only: of studies no texts (they are shipped), no checkpoints. Weights are kept of
some languages alone, and a task's of some seeds; cards, and what a model made of each item, of all:
those are what the tables are made of.
"""

import argparse
import shutil
from pathlib import Path

from ccta_core.adjustment.cells import FINISHED, model_folder, state_of
from ccta_core.adjustment.design import place_of
from ccta_core.adjustment.measures import measures_folder
from ccta_core.adjustment.plan import Measurement, Plan, PlanCell, Studied, read_plan
from ccta_core.config import cache_root
from research.studies.ship import ship

_HERE = Path(__file__).parent
CELLS = _HERE / "cells"
_LEFT = ("checkpoint.pt", "*.lock", "process*", "*.tmp")
_WEIGHTS = ("*.safetensors", "adapter_config.json")


def main() -> None:
    """Copies what is finished, or the cells that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cells", nargs="*", metavar="CELL", help="default: all that are finished")
    parser.add_argument("--data", help="folder of the data sets")
    parser.add_argument("--weights-of", default="1", help="seeds whose tasks' weights are kept")
    parser.add_argument("--weights-in", default="es,hi", help="languages whose weights are kept")
    options = parser.parse_args()
    plan = read_plan(_HERE.parent / "adjustment.toml", options.data)
    unknown = set(options.cells) - {cell.id for cell in plan.cells}
    if unknown:
        parser.error(f"no cell of the plan is called {', '.join(sorted(unknown))}")
    for cell in plan.cells:
        if not options.cells or cell.id in options.cells:
            seeds = {int(seed) for seed in options.weights_of.split(",")}
            keep(plan, cell, CELLS, seeds, {"", *options.weights_in.split(",")})


def keep(
    plan: Plan, cell: PlanCell, target: Path, weights_of: set[int], weights_in: set[str]
) -> Path | None:
    """Copies a finished cell below `target`; None where it is not finished. One that is there
    already is written anew.
    """
    if state_of(plan, cell).kind != FINISHED:
        return None
    work = cell.work
    if isinstance(work, Studied):
        ship(cache_root() / "studies" / work.name, target / "studies" / work.name)
        return target / "studies" / work.name
    if isinstance(work, Measurement):
        source = measures_folder(work.settings.model, work.settings.lang)
        kept = target / "measures" / source.relative_to(cache_root() / "measures")
    else:
        source, kept = model_folder(cell.id), target / cell.id
    left = list(_LEFT)
    place = place_of(plan, cell)
    if (
        place.lang not in weights_in
        or not place.usual
        or (place.task and place.seed not in weights_of)
    ):
        left += _WEIGHTS
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(source, kept, ignore=shutil.ignore_patterns(*left))
    return kept


if __name__ == "__main__":
    main()
