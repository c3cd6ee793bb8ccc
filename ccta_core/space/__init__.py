"""Unit embeddings in a common space: maps, similarities and word links."""
