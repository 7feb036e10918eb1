"""A league of models: where they come from, rounds, its page, and a server for it."""
