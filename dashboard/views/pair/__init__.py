"""The page Pair."""
