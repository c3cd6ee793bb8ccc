"""What ships: adapters with their cards, and the lesson of the page Learn."""
