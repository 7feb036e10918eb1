"""Examples that run: the course's unit 7 as a notebook, and two scripts."""
