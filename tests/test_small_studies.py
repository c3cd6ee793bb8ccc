"""What people start with: two languages and twelve items, or a single pair. No page says one thing
twice, counts what can't be counted, or shows another study's items.
"""

import pytest

from tests.made_pair import html_of
from tests.made_study import made_study


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    root = tmp_path_factory.mktemp("small-studies")
    two = {"langs": ("en", "es"), "trained": ("en",), "layers": (8,)}
    made_study(root / "studies", name="twelve", items=12, **two)
    made_study(root / "studies", name="one", items=1, **two)
    return root


@pytest.fixture
def read(cache, opens):
    """Opens a page on a study and returns what stands on it."""

    def text_of(view, study, **query):
        app = opens(cache, view, study=study)(**query)
        assert not app.exception
        assert not app.error
        return html_of(app)

    return text_of


@pytest.mark.parametrize("study", ["twelve", "one"])
def test_a_single_pair_of_languages_has_no_highest_and_lowest(read, study):
    text = read("languages", study)
    assert "EMS between English and Spanish is 0.55." in text
    assert "is highest for" not in text


@pytest.mark.parametrize("study", ["twelve", "one"])
def test_no_other_models_items_stand_under_a_study(cache, opens, study):
    app = opens(cache, "languages", study=study)()
    (folded,) = [part for part in app.expander if part.label.startswith("Not of this study")]
    assert "heaviest" in "".join(block.value for block in folded.get("html"))
    assert html_of(app).count("Where the mass of a word goes") == 1


def test_few_items_are_listed_once(read):
    assert "Every item, highest EMS first" in read("languages", "one")
    assert "Highest EMS" in read("languages", "twelve")


def test_two_languages_are_read_item_by_item(read):
    text = read("correlation", "twelve")
    assert "Over 12 items in 4 groups" in text
    assert "no correlation" not in text


def test_what_makes_no_correlation_is_said_once(read):
    assert read("correlation", "one").count("no correlation") == 1
    text = read("correlation", "twelve", unit="language")
    assert text.count("no correlation") == 1
    assert (
        "1 language beside the training language makes no correlation, which takes 3 points; "
        "choose items as points." in text
    )


@pytest.mark.parametrize("study", ["twelve", "one"])
def test_errors_lists_what_there_is(read, study):
    assert "right in one language and wrong in the other" in read("errors", study)
