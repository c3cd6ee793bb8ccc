"""Puts unit embeddings into a common space: maps, similarities and word links."""
