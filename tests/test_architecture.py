"""The shape of the code: imports point one way, what is light stays light, files stay short."""

import ast
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from setuptools import find_packages

ROOT = Path(__file__).resolve().parent.parent
TOPS = ("ccta_core", "dashboard", "research")
FILES = sorted(path for top in TOPS for path in (ROOT / top).rglob("*.py"))

# A module may import from lower ranks and from its own part only; the deepest name given counts.
RANKS = {
    "errors": 0, "stamps": 0, "children": 0, "memory": 0, "whole_files": 0,
    "limited": 1, "logs": 1, "text": 1, "languages": 1,
    "types": 2, "config": 2, "measures": 2,
    "permissions": 3, "units": 3, "transport": 3, "analysis": 3, "reports": 3,
    "quotas": 3.5, "arrangements": 3,
    "models": 4, "consistency": 4, "corpus": 4, "result": 4,
    "attribution": 5, "space": 5, "store": 5, "tasks": 5,
    "health": 6, "pipeline": 6, "evaluation": 6,
    "training": 7, "study": 7, "sensitivity": 7, "projection": 7, "faithfulness": 8,
    "adjustment": 8, "analysis.scores": 8, "analysis.questions": 9, "zoo": 8,
    "analysis.claims": 10, "analysis.performance": 11, "analysis.chance": 11,
    "reports.study": 12, "reports.findings": 12, "publishing": 13, "cli": 14,
    "__main__": 15, "dashboard": 16, "research": 16,
}  # fmt: skip


def imported(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def part_of(module):
    """The part of the engine a module name belongs to, or None for the outside."""
    first, _, rest = module.partition(".")
    if first in ("dashboard", "research"):
        return first
    if first != "ccta_core" or not rest:
        return None
    deeper = ".".join(rest.split(".")[:2])
    return deeper if deeper in RANKS else rest.split(".")[0]


def name_of(path):
    """The module of a file, its package for an `__init__.py`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    own = part_of(name_of(path))
    if own is None:
        return  # the public names of the package
    for module in imported(path):
        other = part_of(module)
        if other is not None and other != own:
            assert RANKS[other] < RANKS[own], f"{path.name} imports {module}"


@pytest.mark.parametrize("path", [path for path in FILES if "ccta_core" in path.parts])
def test_the_engine_knows_no_dashboard(path):
    roots = {module.split(".")[0] for module in imported(path)}
    assert not roots & {"streamlit", "plotly", "dashboard"}


@pytest.mark.parametrize("path", sorted((ROOT / "dashboard" / "views").rglob("*.py")))
def test_tables_and_charts_of_a_page_know_no_streamlit(path):
    """By name: a page's tables*.py and charts*.py, and what such a file imports of its folder."""
    if path.stem.split("_")[-1].removesuffix("s") not in ("table", "chart", "filter", "interval"):
        return
    roots = {module.split(".")[0] for module in imported(path)}
    assert "streamlit" not in roots
    assert not any(module.startswith("dashboard.widgets.text_blocks") for module in imported(path))


@pytest.mark.parametrize("path", [path for path in FILES if "research" not in path.parts])
def test_the_product_knows_no_research(path):
    """Not even by name in a string that is imported later; a command that is named may be one."""
    assert not any(module.split(".")[0] == "research" for module in imported(path))
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not node.value.startswith("research."), f"{path.name}: {node.value}"


def test_no_imports_run_in_a_circle():
    """Also those for types only, and those inside a function."""
    modules = {name_of(path): path for path in FILES}
    links = {}
    for module, path in modules.items():
        names = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                deeper = {f"{node.module}.{alias.name}" for alias in node.names}
                names |= deeper & set(modules) or {node.module}
        links[module] = (names & set(modules)) - {module}
    assert list(TopologicalSorter(links).static_order())  # raises CycleError, naming the circle


def test_research_stays_out_of_the_wheel():
    chosen = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    shipped = find_packages(str(ROOT), **chosen["packages"]["find"])
    assert {"ccta_core", "ccta_core.zoo", "dashboard"} <= set(shipped)
    assert not any(name.split(".")[0] == "research" for name in shipped)
    assert "research.zoo" in find_packages(str(ROOT))  # it would be found if it were not left out


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_short(path):
    text = path.read_text("utf-8")
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < 60, node.name


def test_what_needs_no_model_starts_without_torch():
    light = ["store", "corpus.demo", "models.catalog", "result", "zoo.lesson", "projection.places"]
    modules = ", ".join(f"ccta_core.{name}" for name in light)
    heavy = "('torch', 'transformers', 'streamlit')"
    code = f"import sys, {modules}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
