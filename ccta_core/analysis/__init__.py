"""Statistics, and the claims put to a study: one estimator a question, whoever asks."""
