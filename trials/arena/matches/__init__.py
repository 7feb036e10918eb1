"""Matches: scheduled, played, logged, and recorded to be looked at."""
