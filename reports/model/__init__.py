"""What goes to the Hub with a policy, and what is checked of any model: files, card, leaks."""
