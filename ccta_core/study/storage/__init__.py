"""What a study leaves on disk: its columns, items, parts, texts and tables."""
