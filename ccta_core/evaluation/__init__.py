"""Scores models on their tasks: answers, tags, retrieval, each figure with its interval."""
