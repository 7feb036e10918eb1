"""One trial: from parameters to a rated policy."""
