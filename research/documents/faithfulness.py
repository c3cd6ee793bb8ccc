"""Measures which settings name what the model uses, and writes docs/faithfulness.md.

python -m research.documents.faithfulness DATA [--minutes N] [--only NAME ...] [--out FILE]

Short texts, so that every step can be measured and the bounds are close. Items are kept in the
cache a few at a time: stopped, it goes on where it was. With `--minutes` it stops in time; the page
says how much of each part was measured.
"""

import argparse
import gzip
import time
from collections.abc import Callable
from pathlib import Path

from ccta_core.cli.write import progress
from ccta_core.config import cache_root
from ccta_core.errors import StoppedError
from ccta_core.faithfulness.measure import CHUNK, measure
from ccta_core.faithfulness.rows import RowFile, default_file
from ccta_core.models.load import load_model
from ccta_core.models.model import Model
from research.documents import faithfulness_page
from research.documents.faithfulness_consistency import Consistency, consistency
from research.documents.faithfulness_parts import MEASUREMENTS, NLI, Measured, Measurement

CONSISTENCY = "consistency"
ROWS = Path(__file__).parent / "rows"
"""Rows measured before (no texts, only ids and numbers), as `--keep` puts them there: a page can be
written anew, and gone on with, where the cache that they were measured in is gone."""
PAGE = Path(__file__).parents[2] / "docs" / "faithfulness.md"


def take_rows(folder: Path = ROWS) -> None:
    """Puts rows that were kept into the cache, where the cache has none of the same settings."""
    target = cache_root() / "faithfulness"
    target.mkdir(parents=True, exist_ok=True)
    for kept in sorted(folder.glob("*.jsonl.gz")):
        path = target / kept.name.removesuffix(".gz")
        if not path.exists():
            path.write_bytes(gzip.decompress(kept.read_bytes()))


def keep_rows(folder: Path = ROWS) -> None:
    """Keeps the rows of the cache that have measured items."""
    folder.mkdir(exist_ok=True)
    for path in sorted((cache_root() / "faithfulness").glob("*.jsonl")):
        content = path.read_bytes()
        if content.count(b"\n") > 1:  # the first line holds the settings
            (folder / f"{path.name}.gz").write_bytes(gzip.compress(content, mtime=0))


def measured(part: Measurement, model: Model, data: str, stop: Callable[[], bool]) -> Measured:
    """The items that are measured, those missing measured now, until `stop`."""
    design = part.design(model, data)
    facts = design.facts(model.id, model.revision)
    rows = RowFile(default_file(facts), facts)
    if stop():
        return Measured(part, model, design, tuple(rows.read(CHUNK, len(design.items))))
    try:
        records = measure(model, design, rows, lambda line: progress(f"{part.name}: {line}"), stop)
    except StoppedError:
        records = rows.read(CHUNK, len(design.items))
    return Measured(part, model, design, tuple(records))


def measured_consistency(data: str, stop: Callable[[], bool]) -> Consistency | None:
    """The gain of every setting on the items of the main measurement; None where time is up."""
    model = load_model(NLI.model)
    try:
        return consistency(model, NLI.design(model, data), progress, stop)
    except StoppedError:
        return None


def main() -> None:
    """Measures what is missing and writes the page."""
    parser = argparse.ArgumentParser(description="Write docs/faithfulness.md.")
    parser.add_argument("data")
    parser.add_argument("--minutes", type=float, default=1e6)
    parser.add_argument(
        "--only", nargs="*", choices=[*MEASUREMENTS, CONSISTENCY], help="measure these, no page"
    )
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--keep", action="store_true", help="keep the rows for another cache")
    options = parser.parse_args()
    take_rows()
    until = time.monotonic() + 60 * options.minutes

    def stop() -> bool:
        return time.monotonic() > until

    results = {}
    for name, part in MEASUREMENTS.items():
        if options.only is None or name in options.only:
            results[name] = measured(part, load_model(part.model), options.data, stop)
    gains = None
    if options.only is None or CONSISTENCY in options.only:
        gains = measured_consistency(options.data, stop)
    if options.only is None:
        options.out.write_text(faithfulness_page.page(results, gains), "utf-8")
    if options.keep:
        keep_rows()


if __name__ == "__main__":
    main()
