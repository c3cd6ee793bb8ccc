"""Does the conclusion survive another method, layer, baseline or mass?"""
