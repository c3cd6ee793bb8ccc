"""Where parallel examples come from: the bundled demo, and data sets in their native files."""
