"""Terms on the pages: each has a sentence and leads to a step of Learn that exists."""

import ast
import re
from pathlib import Path

from dashboard.views.learn.steps import STEPS
from dashboard.widgets.terms import TERMS, help_text, terms_of

VIEWS = Path(__file__).parents[1] / "dashboard" / "views"


def test_every_link_leads_to_a_step_that_exists():
    names = [step.name for step in STEPS]
    for key, term in TERMS.items():
        assert names[term.number - 1] == term.step
        assert term.link == f"Learn, step {term.number}: {term.step}"
        assert term in terms_of(term.step)
        text = help_text(key)
        assert term.sentence in text
        (step,) = re.findall(r"\]\(learn\?step=(\d+)\)", text)
        assert int(step) == term.number


def test_the_terms_of_the_field_are_there():
    assert [term.name for term in TERMS.values()] == [
        "EMS", "Gain", "Uniform weights", "Padding baseline", "Completeness error", "Unit masses",
        "Unit of analysis", "x axis and y axis", "Pearson's r", "Majority baseline",
        "Confusion matrix", "Named entities",
    ]  # fmt: skip
    assert all(term.sentence.endswith(".") for term in TERMS.values())


def test_every_term_stands_on_a_page():
    """Keys that a page gives to `what_is` or `help_text`, or names in its `_TERMS`."""
    used = set()
    for path in VIEWS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if (called and node.func.id in ("what_is", "help_text")) or (
                isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_TERMS"
            ):
                used |= {
                    leaf.value
                    for leaf in ast.walk(node)
                    if isinstance(leaf, ast.Constant) and leaf.value in TERMS
                }
    assert used == set(TERMS)
