"""Many examples: a plan, one function that measures a chunk, runners, a table."""
