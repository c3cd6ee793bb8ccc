"""Makes what ships: the zoo, its maps, the documents. Needs a clone; not in the wheel."""
