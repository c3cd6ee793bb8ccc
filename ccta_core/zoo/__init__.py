"""The shipped adapters with their cards, and the code that trains and measures them."""
