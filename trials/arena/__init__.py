"""Policies meet on the field: who plays, what was played, and what it says about strength."""
