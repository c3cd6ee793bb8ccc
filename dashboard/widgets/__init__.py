"""What two or more pages show."""
