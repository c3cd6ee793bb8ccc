"""Pages that stand alone, figures, tables and documents made of results."""
