"""mlagents' slow parts, replaced in the trainer's process with the same results bit for bit."""
