"""Runs a study on a Ray cluster: actors measure, this process writes the parts.

No file system is shared: a chunk's items go out with the work, its rows come back as Arrow. A
killed run loses the chunks in hand; a killed worker's chunk is measured again.
"""

import logging
import os
import signal
import socket
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from ccta_core.errors import CctaError
from ccta_core.study.manifest import Manifest
from ccta_core.study.run.local import HeldStudy, check_wanted, hold_study
from ccta_core.study.run.progress import Report, RunProgress, recorded_end
from ccta_core.study.run.ray_actors import TRIES, Ledger, Measurer, row_of, unpacked, versions
from ccta_core.study.storage.parts import write_part
from ccta_core.text import read_whole

_ROUND = 32
"""Chunks an actor measures; then all start afresh: what libraries keep for every shape of input
does not pile up, nodes that joined are used, and few items are on the way at once."""
_STORE = 512 << 20
"""Bytes of a local cluster's object store: a chunk's items and rows are under a megabyte."""
_CONNECT_SECONDS = 5.0
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""How HTTP/2 begins (RFC 9113, 3.4): gRPC answers with a frame of SETTINGS. Ray itself would ask
whatever listens there for a quarter of an hour."""
_SETTINGS = b"\x04"
_GIVE_UP_SECONDS = 60.0
"""How long actors may take to give up what they have in hand; then they are killed."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where a study runs: the cluster's address (None starts one here), actors, GPUs of each.

    0 workers are as many as the cluster has room for, counted anew every round. Raises CctaError on
    GPUs that are neither a whole number nor a share of one.
    """

    address: str | None = None
    workers: int = 0
    gpus: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.gpus <= 16 or (self.gpus > 1 and self.gpus % 1):
            raise CctaError(
                f"gpus is {self.gpus:g}; expected 0, a share of one (0.5) or a number up to 16"
            )


def run(name: str, cluster: Cluster, *, report: Report | None = None) -> Manifest:
    """Measures every missing part of a study that was created; returns its manifest.

    The parts are those of `local.run`, byte for byte where the processors are of one kind. Raises
    StoppedError when the study is asked to stop, CctaError where Ray is not installed or not
    there, another run has the study, or a chunk can't be measured.
    """
    check_installed()
    with hold_study(name) as study:
        if study.missing:
            with recorded_end(study.folder), _connected(cluster):
                progress = RunProgress(
                    study.folder, study.manifest, study.missing, workers=None, report=report
                )
                _work(study, cluster, progress)
    return study.manifest


def check_installed() -> None:
    """Raises CctaError where the optional extra is missing."""
    try:
        import ray.data  # noqa: F401
    except ImportError as error:
        raise CctaError(
            f"the engine ray needs Ray ({error}); run: pip install 'ccta-explorer[ray]'"
        ) from error


def _work(study: HeldStudy, cluster: Cluster, progress: RunProgress) -> None:
    """Rounds of chunks until none is missing."""
    import ray

    folder, manifest, pending = study.folder, study.manifest, list(study.missing)
    ledger = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Ledger).remote()
    while pending:
        workers = min(_room(cluster), len(pending))
        chunks, pending = pending[: _ROUND * workers], pending[_ROUND * workers :]
        rows = [row_of(folder, manifest, *chunk) for chunk in chunks]
        dataset = _dataset(rows, manifest, ledger, workers, cluster.gpus)
        with closing(_arriving(dataset, ledger, folder, len(chunks))) as arriving:
            for result in arriving:
                write_part(folder, result["model"], result["number"], unpacked(result["rows"]))
                progress.add(
                    min(manifest.chunk, manifest.items - result["number"] * manifest.chunk)
                )


def _room(cluster: Cluster) -> int:
    """Returns how many actors to ask for.

    Raises CctaError where the cluster has no room for a single one.
    """
    import ray

    there = ray.cluster_resources()
    room = int(there.get("CPU", 0))
    if cluster.gpus:
        room = min(room, int(there.get("GPU", 0) / cluster.gpus))
    if room < 1:
        raise CctaError(
            f"the cluster has {there.get('CPU', 0):g} CPUs and {there.get('GPU', 0):g} GPUs; an "
            f"actor needs 1 and {cluster.gpus:g}"
        )
    return cluster.workers or room


def _dataset(
    rows: Sequence[dict[str, Any]], manifest: Manifest, ledger: Any, workers: int, gpus: float
) -> Any:
    """Returns the chunks, one block each, mapped by a pool of actors that have one chunk in hand
    each.
    """
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_no_progress_timeout_s = -1  # a chunk may take its time
    context.max_consecutive_actor_init_deaths = TRIES
    pool = ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1)
    return ray.data.from_items(list(rows), override_num_blocks=len(rows)).map_batches(
        Measurer,
        fn_constructor_args=(manifest, ledger, versions(), gpus),
        batch_size=1,
        batch_format="pyarrow",
        compute=pool,
        num_cpus=manifest.threads,
        num_gpus=gpus,
    )


def _arriving(
    dataset: Any, ledger: Any, folder: Path, count: int
) -> Generator[dict[str, Any], None, None]:
    """Yields what the actors return, as it arrives, while the study's wish to stop is looked for.

    Closed before its end, it asks the actors to give up what they have in hand, and waits for them:
    Ray's threads must be done before the connection ends. Raises StoppedError where the study is
    asked to stop, CctaError with an actor's line, or with Ray's last word where Ray gives up.
    """
    check_wanted(folder)
    arrived: SimpleQueue[dict[str, Any] | Exception] = SimpleQueue()
    thread = threading.Thread(target=_feed, args=(dataset, arrived), daemon=True)
    thread.start()
    try:
        while count:
            check_wanted(folder)
            try:
                result = arrived.get(timeout=1.0)
            except Empty:
                continue
            yield _checked(result)
            count -= 1
    finally:
        if count:
            ledger.stop.remote()
        thread.join(_GIVE_UP_SECONDS)


def _checked(result: dict[str, Any] | Exception) -> dict[str, Any]:
    """Returns what an actor returned. Raises CctaError where it, or Ray, failed."""
    if isinstance(result, Exception):
        line = _last_line(result)
        raise CctaError(f"Ray gave up ({line}); what was finished is kept: resume") from result
    if result["error"]:
        raise CctaError(result["error"])
    return result


def _feed(dataset: Any, arrived: "SimpleQueue[dict[str, Any] | Exception]") -> None:
    try:
        for batch in dataset.iter_batches(
            batch_size=None, batch_format="pyarrow", prefetch_batches=0
        ):
            for row in batch.to_pylist():
                arrived.put(row)
    except Exception as error:  # noqa: BLE001 - raised by the thread that reads
        arrived.put(error)
    arrived.put(EOFError("it ended before its last chunk"))


@contextmanager
def _connected(cluster: Cluster) -> Iterator[None]:
    """Joins the cluster, or starts one here that ends with this process; nothing is sent home.

    Raises CctaError where there is none at the address, or the process is in one already.
    """
    import ray
    import ray.data

    if ray.is_initialized():
        raise CctaError("this process is in a Ray cluster already; call ray.shutdown() first")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):  # the log file keeps everything
            handler.setLevel(logging.CRITICAL)
    before = signal.getsignal(signal.SIGTERM)
    try:
        _join(cluster)
        yield
    finally:
        ray.shutdown()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before or signal.SIG_DFL)  # Ray has put its own


def _join(cluster: Cluster) -> None:
    import ray

    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if cluster.address:
        _check_address(cluster.address)
        settings["address"] = cluster.address
    else:
        settings |= {
            "address": "local",
            "num_cpus": cluster.workers or os.cpu_count() or 1,
            "object_store_memory": _STORE,
            "include_dashboard": False,
        }
    try:
        ray.init(**settings)
    except (OSError, RuntimeError, ValueError) as error:
        where = f"at {cluster.address}" if cluster.address else "here"
        raise CctaError(f"no Ray cluster {where}: {_last_line(error)}") from error


def _check_address(address: str) -> None:
    """Raises CctaError where the address is none, or nobody answers there."""
    if address == "auto":
        return
    host, _, written = address.rpartition(":")
    try:
        port = read_whole(written, 1, 65535)
    except ValueError:
        port = 0
    if not host or not port or "/" in host:
        raise CctaError(f"address {address[:80]!r}: expected HOST:PORT of the head node, or auto")
    try:
        with socket.create_connection((host, port), timeout=_CONNECT_SECONDS) as probe:
            if not os.environ.get("RAY_USE_TLS"):
                probe.sendall(_HELLO)
                if probe.recv(4)[3:] != _SETTINGS:
                    raise OSError("what answers there is not Ray's head node")
    except OSError as error:
        raise CctaError(
            f"no Ray cluster at {address} ({error}); start its head node: ray start --head"
        ) from error


def _last_line(error: BaseException) -> str:
    """Returns the last line that Ray says: of a traceback it is the one that names the cause."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1][:300]
