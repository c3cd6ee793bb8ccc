"""The page Languages."""
