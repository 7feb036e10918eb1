"""What is replaced in mlagents 1.1.0, in one table; a part's module says what it stands for and why no bit differs."""

from trials.learner.fast import adam, attention, buffers, estimates, inference, losses, processor, scope, shuffle

PARTS = (shuffle, scope, buffers, processor, inference, estimates, losses, attention, adam)


def install() -> None:
    """Replace all of them in this process; to be called before mlagents makes its trainers."""
    for part in PARTS:
        part.install()
