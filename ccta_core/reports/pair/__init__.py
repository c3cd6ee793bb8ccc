"""A pair as a page: its picture, its numbers, its verdict."""
