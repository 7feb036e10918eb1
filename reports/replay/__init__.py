"""Matches to look at: recorded, packed, and played by a page."""
