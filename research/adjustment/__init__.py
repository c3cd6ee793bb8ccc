"""The experiment on cross-lingual adjustment: its weights, gold alignments, cost and document."""
