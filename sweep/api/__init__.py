"""What a notebook or script calls; nothing here imports torch, Ray or pandas before a function needs it."""
