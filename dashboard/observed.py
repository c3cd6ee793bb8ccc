"""The dashboard as seen from outside: `/health` for whoever watches it, metrics for Prometheus.

Both say numbers only: no name, no text, no path.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from prometheus_client import REGISTRY, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

from ccta_core.errors import CctaError
from ccta_core.health import check_cache, check_disk, check_notes, metrics_place
from ccta_core.logs import write_json_lines
from ccta_core.memory import peak_megabytes
from ccta_core.store.usage import usage
from dashboard.engine import ENGINES

METRICS = "CCTA_METRICS"
"""`PORT` or `ADDRESS:PORT` at which metrics are served; not at all where it is not set."""
_CHECKS = {"disk": check_disk, "store": check_cache, "notes": check_notes}


async def health(request: Request) -> JSONResponse:
    """Answers 200 where everything works, 503 where something does not; `/health`."""
    facts = await run_in_threadpool(health_facts)
    return JSONResponse(facts, 200 if facts["status"] == "ok" else 503)


def health_facts() -> dict[str, Any]:
    """Returns what works (disk, store, notes, engine), how long the queue is, and the memory."""
    works = {name: _works(check) for name, check in _CHECKS.items()}
    engines = [engine.state() for engine in ENGINES]
    works["engine"] = all(state.alive for state in engines)
    return {
        "status": "ok" if all(works.values()) else "failing",
        "works": works,
        "engine": [asdict(state) for state in engines],
        "peak_memory_mb": peak_megabytes(),
    }


@asynccontextmanager
async def observing(app: object) -> AsyncIterator[dict[str, Any]]:
    """Begins to write lines of JSON, and to serve metrics where a port is named, for as long as the
    server runs. Raises CctaError where they can't be served there.
    """
    write_json_lines()
    server = None
    if place := os.environ.get(METRICS, "").strip():
        address, port = metrics_place(place)
        try:
            server, _ = start_http_server(port, address)
        except OSError as error:
            raise CctaError(
                f"metrics can't be served at {place!r} ({error}); {METRICS} is a free PORT, or "
                "ADDRESS:PORT of this machine"
            ) from error
        REGISTRY.register(_METRICS)
    try:
        yield {}
    finally:
        if server is not None:
            REGISTRY.unregister(_METRICS)
            server.shutdown()


class _Metrics(Collector):
    """Reads everything when it is asked for; nothing is counted beforehand."""

    def collect(self) -> Iterator[Metric]:
        """Yields the engine's and the cache's numbers; Prometheus' own client adds the process's:
        memory, processor time, open files.
        """
        states = [engine.state() for engine in ENGINES]
        yield _gauge("queued", "Jobs that wait", sum(state.queued for state in states))
        yield _gauge("running", "Jobs worked on", sum(state.running for state in states))
        oldest = max((state.oldest_wait for state in states), default=0.0)
        yield _gauge("oldest_wait_seconds", "The longest wait of those that wait", oldest)
        ended = CounterMetricFamily("ccta_jobs", "Jobs that ended, by how", labels=["outcome"])
        for outcome in ("finished", "failed", "stopped"):
            ended.add_metric([outcome], sum(state.ended.get(outcome, 0) for state in states))
        yield ended
        replaced = sum(state.replaced for state in states)
        yield CounterMetricFamily(
            "ccta_workers_replaced", "Workers that stopped answering", value=replaced
        )
        cache = GaugeMetricFamily("ccta_cache_bytes", "What the cache holds", labels=["kind"])
        for use in usage():
            cache.add_metric([use.kind.name], use.bytes)
        yield cache
        for name, check in _CHECKS.items():
            yield _gauge(f"{name}_works", f"Whether the check of {name} passes", _works(check))


_METRICS = _Metrics()


def _gauge(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"ccta_{name}", help_text, value=value)


def _works(check: Any) -> bool:
    try:
        check()
    except (CctaError, OSError):
        return False
    return True
