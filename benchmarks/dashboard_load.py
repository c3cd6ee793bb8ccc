"""Several people on one dashboard: how long a view takes, and whether each sees their own.

    python benchmarks/dashboard_load.py [--people 20] [--views 12] [--minutes M] [--new 1]

Starts a server of its own and as many sessions as there are people, each over the page's own
websocket, as a browser would. Everybody opens views of shipped pairs at random, with a pause to
look, and types `--new` pairs that nobody has computed. A view counts when the page shows the EMS
that the store has for exactly this view; any other number is an error. Prints p50, p95, p99. With
`--minutes` everybody goes on for that long, a session at a time: who has seen `--views` leaves and
another comes. The server's memory and open files are read all the while, and what they are after
an hour is set beside what they were after ten minutes (at a sixth of a shorter run).
"""

import argparse
import asyncio
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

from ccta_core.config import Config
from ccta_core.corpus.demo import read_demo
from ccta_core.models.catalog import catalog
from ccta_core.store.pairs import find_pair
from ccta_core.text import number

ROOT = Path(__file__).parents[1]
MODEL = "e5-small/nli-en"
EMS = re.compile(r"<dt>EMS</dt><dd>([^<]*)</dd>")
LOOK = (0.3, 1.5)
"""Seconds a person looks before the next view."""
PATIENCE = 300.0


@dataclass
class View:
    """An address and what it must show."""

    query: dict
    ems: str | None = None


@dataclass
class Seen:
    """Seconds of the views that came, by kind; what was wrong."""

    cached: list = field(default_factory=list)
    new: list = field(default_factory=list)
    errors: list = field(default_factory=list)


@dataclass
class Server:
    """What a server's process holds, read while people come and go: (seconds, MiB, open files)."""

    process: int
    readings: list = field(default_factory=list)

    async def watch(self):
        began = time.monotonic()
        while True:
            folder = Path(f"/proc/{self.process}")
            status = (folder / "status").read_text()
            resident = int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024
            files = len(list((folder / "fd").iterdir()))
            self.readings.append((time.monotonic() - began, resident, files))
            await asyncio.sleep(5.0)

    def growth(self):
        """A line on memory and files: at a sixth of the time, and at its end (medians)."""
        whole = self.readings[-1][0]

        def around(share):
            near = [row for row in self.readings if abs(row[0] / whole - share) <= 0.05]
            return [float(np.median([row[n] for row in near])) for n in (1, 2)]

        (memory, files), (later, open_) = around(1 / 6), around(1.0)
        return (
            f"memory {memory:.0f} MiB after {whole / 360:.0f} min, {later:.0f} after "
            f"{whole / 60:.0f} ({later / memory - 1:+.1%}); open files {files:.0f}, {open_:.0f}"
        )


class Session:
    """One person's page over its websocket."""

    def __init__(self, socket):
        self.socket = socket

    async def open(self, view):
        """Runs the page's script to its end; the EMS it shows last, None where it shows none."""
        message = BackMsg()
        message.rerun_script.query_string = urlencode(view.query)
        await self.socket.send(message.SerializeToString())
        shown = None
        while True:
            message = ForwardMsg()
            message.ParseFromString(await asyncio.wait_for(self.socket.recv(), PATIENCE))
            kind = message.WhichOneof("type")
            if kind == "script_finished":
                return shown
            if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                found = EMS.findall(message.delta.new_element.html.body)
                shown = found[-1] if found else shown


def shipped_views():
    """Every view that ships with the product, with its EMS as the page writes it."""
    info = catalog()[MODEL]
    views = []
    for item in read_demo("nli"):
        for src, tgt in (("en", "es"), ("en", "zh"), ("en", "ar"), ("es", "en"), ("en", "hi")):
            for layer in info.layers:
                sides = item.sentences[src], item.sentences[tgt]
                found = find_pair(info, *sides, Config(layer=layer))
                if found is not None:
                    query = {
                        "model": MODEL, "item": item.id, "src": src, "tgt": tgt, "layer": str(layer)
                    }  # fmt: skip
                    views.append(View(query, number(found.ems)))
    return views


def new_view(draw):
    """A pair nobody has computed: a number in it is drawn anew."""
    count = draw.randrange(100, 10_000)
    query = {
        "model": MODEL, "item": "own", "src": "en", "tgt": "es", "layer": "8",
        "s1": f"The ferry has {count} seats.", "s2": "Nobody can sit.",
        "t1": f"El ferri tiene {count} asientos.", "t2": "Nadie puede sentarse.",
    }  # fmt: skip
    return View(query)


async def person(address, views, options, seed, seen):
    draw = random.Random(seed)
    plan = [draw.choice(views) for _ in range(options.views)]
    places = set(draw.sample(range(options.views), min(options.new, options.views)))
    async with opened(address) as socket:
        session = Session(socket)
        for at, view in enumerate(plan):
            await asyncio.sleep(draw.uniform(*LOOK))
            if at in places:
                await waits(address, new_view(draw), seen)
                continue
            began = time.perf_counter()
            shown = await session.open(view)
            seen.cached.append(time.perf_counter() - began)
            if shown != view.ems:
                seen.errors.append(f"{view.query}: shows {shown}, expected {view.ems}")


async def waits(address, view, seen):
    """Opens a new pair and looks again every second until it is there."""
    began = time.perf_counter()
    while time.perf_counter() - began < PATIENCE:
        async with opened(address) as socket:
            if await Session(socket).open(view) not in (None, "\N{EN DASH}"):
                seen.new.append(time.perf_counter() - began)
                return
        await asyncio.sleep(1.0)
    seen.errors.append(f"{view.query['s1']}: nothing came")


def opened(address):
    return connect(f"ws://{address}/_stcore/stream", max_size=None, subprotocols=["streamlit"])


async def everybody(address, views, options, server):
    seen, began = Seen(), time.monotonic()

    async def place(number):
        """One seat: somebody comes, looks and leaves, and another comes until time is up."""
        turn = 0
        while not turn or time.monotonic() - began < 60 * options.minutes:
            await person(address, views, options, options.seed + number + 1000 * turn, seen)
            turn += 1

    watching = asyncio.create_task(server.watch())
    await asyncio.gather(*(place(number) for number in range(options.people)))
    watching.cancel()
    return seen


def serve(cache):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "streamlit", "run", "dashboard/app.py", "--server.headless", "true",
        "--server.port", str(port), "--server.address", "127.0.0.1",
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"CCTA_CACHE": cache},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(300):
        try:
            with urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1):
                return process, f"127.0.0.1:{port}"
        except OSError:
            time.sleep(0.2)
    process.kill()
    sys.exit("the dashboard did not start within a minute")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--views", type=int, default=12, help="of each person")
    parser.add_argument("--minutes", type=float, default=0, help="go on for that long")
    parser.add_argument("--new", type=int, default=1, help="of those, pairs to be computed")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["CCTA_CACHE"] = cache  # what this machine computed before is not there
        views = shipped_views()
        process, address = serve(cache)
        try:
            began = time.perf_counter()
            server = Server(process.pid)
            seen = asyncio.run(everybody(address, views, options, server))
            took = time.perf_counter() - began
        finally:
            process.terminate()
            process.wait(20)
    print(f"{options.people} people, {took:.0f} s, {len(seen.errors)} wrong or never shown")
    print(server.growth())
    print("| view | n | p50 s | p95 s | p99 s | slowest s |\n|---|---|---|---|---|---|")
    for name, times in (("computed before", seen.cached), ("new", seen.new)):
        if times:
            middle, *high = np.percentile(times, [50, 95, 99])
            cells = [f"{value:.2f}" for value in (middle, *high, max(times))]
            print(f"| {name} | {len(times)} | {' | '.join(cells)} |")
    for line in seen.errors[:10]:
        print(line)
    sys.exit(bool(seen.errors))


if __name__ == "__main__":
    main()
