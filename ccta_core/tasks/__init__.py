"""What a prediction is for each kind of head, and which logits F sums (docs/method.md, 2)."""

from ccta_core.tasks.classification import Classification
from ccta_core.tasks.protocol import Explained, ModelOutput, Task
from ccta_core.tasks.spans import Spans
from ccta_core.tasks.tags import Tags

__all__ = ["Explained", "ModelOutput", "Task", "task_of"]


def task_of(name: str) -> Task:
    """The task a model was made for; every head that is not "qa" or "ner" classifies."""
    if name == "qa":
        return Spans()
    return Tags() if name == "ner" else Classification()
