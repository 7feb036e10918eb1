"""What is replaced in mlagents 1.1.0, in one table; a part's module says what it stands for and why no bit differs."""

from collections.abc import Callable

from trials.learner.fast import adam, attention, buffers, estimates, inference, losses, processor, scope

PARTS: dict[str, Callable[[], None]] = {
    "scope": scope.install,
    "buffers": buffers.install,
    "processor": processor.install,
    "inference": inference.install,
    "estimates": estimates.install,
    "losses": losses.install,
    "attention": attention.install,
    "adam": adam.install,
}


def install() -> None:
    """Replace all of them in this process; to be called before mlagents makes its trainers."""
    for part in PARTS.values():
        part()
