"""The views of a session in order, with a place among them: undo and redo."""

from dataclasses import dataclass

from dashboard.choice import Choice

MOST = 20


@dataclass(frozen=True, slots=True)
class History:
    """The last views, the oldest first; `at` is the one that is shown."""

    views: tuple[Choice, ...] = ()
    at: int = -1

    def seen(self, view: Choice) -> "History":
        """With a view that is shown now: what could be redone is forgotten, unless it is that."""
        if self.views and self.views[self.at] == view:
            return self
        views = (*self.views[: self.at + 1], view)[-MOST:]
        return History(views, len(views) - 1)

    def moved(self, place: int) -> "History":
        """At another of its views; the nearest there is."""
        return History(self.views, min(max(place, 0), len(self.views) - 1))

    @property
    def now(self) -> Choice:
        """The view that is shown. Raises IndexError where there is none yet."""
        return self.views[self.at]

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier view."""
        return self.at > 0

    @property
    def can_redo(self) -> bool:
        """Whether a view was undone."""
        return self.at < len(self.views) - 1


def difference(one: Choice, other: Choice) -> str:
    """What of `other` is not as in `one`, in a few words: a view's name in a list of views."""
    ours, theirs = one.query(), other.query()
    changed = [name for name in (*theirs, *ours) if ours.get(name) != theirs.get(name)]
    named = [f"{name} {theirs.get(name, 'as usual')}" for name in dict.fromkeys(changed)]
    return ", ".join(named[:3]) + (", …" if len(named) > 3 else "")
