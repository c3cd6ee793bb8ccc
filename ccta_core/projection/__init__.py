"""Words of the common space on one fixed plane: a picture, no measure."""
