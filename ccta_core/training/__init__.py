"""Training task heads and adapters: items to rows, a learner, a loop that resumes."""
