"""Does an attribution name what the model uses? Units are removed and the model is asked again."""
