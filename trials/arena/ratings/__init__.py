"""What matches say of strength: Elo, the ladder, tournaments, tests, and how sure each is."""
