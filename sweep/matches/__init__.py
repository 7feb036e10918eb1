"""Matches between models: two of them, a tournament, ratings of what was played, matches to watch."""
