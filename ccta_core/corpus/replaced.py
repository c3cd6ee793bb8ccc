"""Whether data that is read by name may have changed on this disk since it was read."""

from pathlib import Path

from ccta_core.corpus.opened import SHARED
from ccta_core.corpus.registry import SOURCES
from ccta_core.stamps import folder_stamp


def data_stamp(spec: str) -> tuple[object, ...]:
    """Another value whenever a file that `NAME[:WHERE][#SPLIT]` reads may be another one.

    Bundled data does not change while the program runs, data on the hub is not looked up.
    """
    name, _, where = spec.partition(":")
    if name == "file":
        return folder_stamp(Path(where))
    name, _, where = spec.partition("#")[0].partition(":")
    if name not in SOURCES:
        return ()
    folder = Path(where) if where else SHARED / SOURCES[name].folder
    return folder_stamp(folder) if folder.exists() else ()
