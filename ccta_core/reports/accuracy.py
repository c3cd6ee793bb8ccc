"""What a page says of how exact two attributions are: one wording for pages and reports."""

from collections.abc import Sequence

from ccta_core.text import number, percent


def masses_within(mass_errors: Sequence[float | None]) -> str:
    """The larger bound of the sides on the L1 error of their unit masses, with its coverage.

    Empty where a side has none: its method has no such estimate, or an earlier version stored it.
    """
    bounds = [bound for bound in mass_errors if bound is not None]
    if not bounds or len(bounds) < len(mass_errors):
        return ""
    return f"within {number(max(bounds), 3)} (90%)"


def completeness_phrase(completeness_errors: Sequence[float | None]) -> str:
    """The larger completeness error of the sides, or that the method claims none."""
    errors = [error for error in completeness_errors if error is not None]
    if not errors:
        return "not measured by this method"
    return f"completeness error {percent(max(errors), 1)}"
