"""One person's waits at the dashboard: first paint, first use, a layer moved.

    python benchmarks/dashboard_paint.py [--times 9]

Starts a server of its own and Chromium (Debian's), opens every page once to warm both, then
each page anew `--times` times in a fresh context, without anything in the browser's cache, and
prints medians and the slowest. First use is when the page's own control answers: on Pair when the
picture is drawn, elsewhere when the page's last heading or control is there and nothing runs.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.dashboard_load import serve

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu"]
PAGES = ("", "languages", "correlation", "errors", "adjust", "studies", "models", "learn")
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
SHOWN = """() => {
  const app = document.querySelector('[data-testid="stApp"]')
  const idle = app?.getAttribute('data-test-script-state') === 'notRunning'
  return idle && document.querySelector('h1, [data-unit]') !== null
}"""
MOVED = "before => document.querySelector('dd')?.innerText !== before"


def opened(browser, address, path):
    """Milliseconds to the first paint and to the first use of a page in a fresh context."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    began = time.perf_counter()
    page.goto(f"{address}/{path}", wait_until="commit")
    page.wait_for_function(SHOWN, timeout=60_000)
    if not path:
        page.locator("[data-flow]").first.wait_for(state="attached")
    usable = (time.perf_counter() - began) * 1000
    paint = page.wait_for_function(PAINT).json_value()
    context.close()
    return paint, usable


def moved(browser, address, times):
    """Milliseconds from a key on the layer slider to the new picture, on a computed pair."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{address}/?item=ferry-c&layer=8")
    page.locator("[data-flow]").first.wait_for(state="attached")
    page.wait_for_timeout(1000)
    slider = page.get_by_role("slider", name="Layer")
    took = []
    for at in range(times + 2):
        before = page.locator("dd").first.inner_text()
        began = time.perf_counter()
        slider.press("ArrowRight" if at % 2 == 0 else "ArrowLeft")
        page.wait_for_function(MOVED, arg=before)
        took.append((time.perf_counter() - began) * 1000)
        page.wait_for_timeout(400)
    page.close()
    return took[2:]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["CCTA_CACHE"] = cache
        process, address = serve(cache)
        try:
            with sync_playwright() as engine:
                browser = engine.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                report(browser, f"http://{address}", options.times)
                browser.close()
        finally:
            process.terminate()
            process.wait(20)


def report(browser, address, times):
    print("| page | first paint ms | slowest | usable ms | slowest |\n|---|---|---|---|---|")
    for path in PAGES:
        opened(browser, address, path)
        paints, uses = zip(*(opened(browser, address, path) for _ in range(times)), strict=True)
        print(
            f"| {path or 'pair'} | {statistics.median(paints):.0f} | {max(paints):.0f} "
            f"| {statistics.median(uses):.0f} | {max(uses):.0f} |"
        )
    moves = moved(browser, address, times)
    print(f"\na layer moved: median {statistics.median(moves):.0f} ms, slowest {max(moves):.0f} ms")


if __name__ == "__main__":
    main()
