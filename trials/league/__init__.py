"""A standing competition of policies: who is in it, who meets whom, what was played, who stands where."""
