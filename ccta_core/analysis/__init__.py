"""Statistics, and the three claims tested on a study: each question has one estimator."""
