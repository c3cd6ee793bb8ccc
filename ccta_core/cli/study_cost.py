"""`ccta study run --dry-run`: what the study would be and cost; nothing is written or measured."""

import sys
from typing import TYPE_CHECKING

from ccta_core.text import count

if TYPE_CHECKING:
    from ccta_core.study.run.local import Request


def show_cost(request: "Request", workers: int) -> None:
    """Reads the data, makes the manifest, prints the cost and its formula on stdout.

    Raises CctaError as creating the study would.
    """
    from ccta_core.study.cost import cost_of, length_of, pace_here
    from ccta_core.study.run.local import drafted
    from ccta_core.study.words import cost_line, label_lines

    corpus, manifest = drafted(request)
    cost = cost_of(manifest, workers, length_of(corpus.examples)).paced(pace_here())
    sys.stdout.write(
        f"{manifest.name}: {count(manifest.items, 'item')} ({manifest.left_out:,} left out) x "
        f"{count(len(manifest.models), 'model')} x {count(len(manifest.layers), 'layer')} x "
        f"{' '.join(manifest.languages)}\n{cost_line(cost)}\n"
        f"{cost.formula}\n"
    )
    sys.stdout.writelines(f"{line}\n" for line in label_lines(manifest))
