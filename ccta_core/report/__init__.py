"""The picture of one pair, two rows of words with the transport between them, as a page."""
