"""Games: what the arena plays, behind one face."""
