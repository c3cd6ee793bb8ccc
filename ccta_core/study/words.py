"""Times, sizes and states of studies as a person reads them: the same on a page and a terminal."""

from ccta_core.corpus.labels import in_words
from ccta_core.study.cost import Cost
from ccta_core.study.manifest import Manifest

_UNITS = ((86_400, "days"), (3_600, "h"), (60, "min"))
_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def duration(seconds: float) -> str:
    """A time with its unit, two digits at most and 1 s at least: 40 s, 3.5 min, 12 h."""
    for size, unit in _UNITS:
        if seconds >= 1.5 * size:
            return f"{_two(seconds / size)} {unit}"
    return "1 s" if seconds < 1.05 else f"{_two(seconds)} s"


def size(count: float) -> str:
    """Bytes with their unit: 240 kB, 1.5 GB."""
    for unit, name in _SIZES:
        if count >= unit:
            return f"{_two(count / unit)} {name}"
    return f"{count:.0f} bytes"


def cost_line(cost: Cost) -> str:
    """What a study costs, in one sentence."""
    return (
        f"About {duration(cost.seconds)} after the models are loaded, and {size(cost.bytes)} on "
        "disk."
    )


def label_lines(manifest: Manifest) -> list[str]:
    """How each model that names the data's labels otherwise was taken to name them."""
    return [
        f"labels of the data as {model['id']} names them: {in_words(model['labels'])}"
        for model in manifest.models
        if model.get("labels")
    ]


def _two(value: float) -> str:
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"
