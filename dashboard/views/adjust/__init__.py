"""The page Adjust: what parallel text does to distances, scores and items."""
