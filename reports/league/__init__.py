"""A league's page: leaderboard, every model, any two of them, matches to look at."""
