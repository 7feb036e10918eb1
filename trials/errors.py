"""Whose fault a failure is, which decides what happens next.

SweepError
├── BadTrial      the configuration's own fault (NaN, impossible values): scored as failed, the sweep goes on
├── LostTrial     the machine's fault (killed, disk, lost node): run again
├── SetupError    nothing can work until a person fixes it: the sweep stops at once and says how
│   ├── UsageError    what was typed cannot be meant: a name of nothing, a value that an option does not take
│   ├── SpaceError    a search space or trainer YAML that cannot be run, refused before anything starts
│   └── HubError      the Hugging Face Hub refuses (reports/hub); HubAway: it does not answer
└── BadPolicy     a policy file that cannot be played: listed with its line, never takes the sweep down
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Literal


class SweepError(Exception):
    """Base of every error this product raises on purpose; its text is one line: the rule, what came, what to do."""


class BadTrial(SweepError):
    """The configuration's own fault: score the trial as failed and go on."""


class LostTrial(SweepError):
    """The machine's fault: the trial may be run again."""


class SetupError(SweepError):
    """Nothing can work until a person mends it: stop the sweep."""


class UsageError(SetupError):
    """What was typed cannot be meant: a name of nothing, a value that an option does not take."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean tpe?`, of the known name that is most like a misspelt one; empty where none is like it."""
    near = nearest(word, known)
    return f"did you mean {near}?" if near else ""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that is spelt most like `word`; None where none is like it."""
    plain = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), sorted(plain), n=1, cutoff=0.5)
    return plain[near[0]] if near else None


class SpaceError(SetupError):
    """A search space or trainer YAML that cannot be run."""


class BadPolicy(SweepError):
    """A policy file that cannot be played; its text ends with what to do, behind the last `; `."""

    def __init__(self, text: str, about: Literal["file", "spaces", "plays"] = "plays") -> None:
        """`about`: the file as such, whether it is this game's, or what its graph does."""
        super().__init__(text)
        self.about = about


@contextmanager
def of_option(option: str) -> Iterator[None]:
    """What is refused in the block is said to be the option's."""
    try:
        yield
    except SweepError as error:
        error.args = (f"{option}: {error}", *error.args[1:])
        raise


def reason(error: object, most: int = 2000) -> str:
    """An error's text on one line; of a longer one its head and its tail, for libraries put the cause in either."""
    text = " ".join(str(error).split())
    if len(text) > most:
        text = f"{text[: most // 2]} … {text[-most // 2 :]}"
    return text or type(error).__name__


def last_line(error: object) -> str:
    """The last line of an error's text, where Ray puts a remote process's own error behind its traceback."""
    return reason(str(error).strip().rpartition("\n")[2] or error)
