"""Pages, one file each; none of them computes."""
