"""A run's policy goes to the Hub with its proof, and any model is checked."""
