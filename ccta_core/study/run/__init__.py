"""Running a study: here, in worker processes, on Ray; and what it is doing."""
