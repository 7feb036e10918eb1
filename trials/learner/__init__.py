"""The trainer: everything that touches mlagents.trainers lives here."""
