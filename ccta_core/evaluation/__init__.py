"""How good a model is at its task: answers, tags, retrieval, and how sure each figure is."""
