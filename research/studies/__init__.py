"""Makes finished studies small enough to ship."""
