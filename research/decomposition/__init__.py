"""A trial: is an exact decomposition of the encoder more faithful than integrated gradients?"""
