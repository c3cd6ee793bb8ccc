"""Defines for each kind of head what it predicts and which logits F sums (docs/method.md, 2)."""

from ccta_core.tasks.classification import Classification
from ccta_core.tasks.protocol import Explained, ModelOutput, Task
from ccta_core.tasks.spans import QuestionAnswering
from ccta_core.tasks.tags import TokenClassification

__all__ = ["Explained", "ModelOutput", "Task", "task_of"]


def task_of(name: str) -> Task:
    """Returns the task a model was made for; every head that is not "qa" or "ner" classifies."""
    if name == "qa":
        return QuestionAnswering()
    return TokenClassification() if name == "ner" else Classification()
