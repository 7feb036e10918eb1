"""A trainer's log: cut before it fills the disk, read across the cut, and asked for the first cause."""

from pathlib import Path

import pytest

from trials.folder import TrialFolder
from trials.learner import trainer_log


@pytest.fixture
def files(tmp_path: Path) -> TrialFolder:
    (tmp_path / "0000").mkdir()
    return TrialFolder(tmp_path / "0000")


def test_right_after_a_cut_the_tail_is_the_older_logs(files: TrialFolder) -> None:
    whole = "".join(f"line {number}\n" for number in range(1_000_000))
    files.log.write_text(whole)
    assert files.log.stat().st_size > trainer_log.LOG_BYTES
    trainer_log.bound(files)
    assert files.log.stat().st_size == 0
    assert trainer_log.tail(files, 2) == "line 999998\nline 999999"
    with files.log.open("a") as log:
        log.write("RuntimeError: out of luck\n")
    assert trainer_log.tail(files, 2) == "line 999999\nRuntimeError: out of luck"
    older = files.log.with_name("trainer.log.1").read_text()
    assert len(older) == trainer_log.KEPT_BYTES and whole.endswith(older)


def test_as_many_lines_as_are_asked_for_come_from_one_log_alone_where_it_has_them(files: TrialFolder) -> None:
    files.log.with_name("trainer.log.1").write_text("older\n" * 1000)
    files.log.write_text("".join(f"{number:03} {300 * 'x'}\n" for number in range(400)))
    found = trainer_log.tail(files, 400).splitlines()
    assert [line.split()[0] for line in found] == [f"{number:03}" for number in range(400)]
    files.log.write_text(50_000 * "y" + "\n")
    assert trainer_log.tail(files, 2) == 32_767 * "y"


def test_an_environments_log_is_bounded_even_if_its_writer_does_not_append(
    files: TrialFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer_log, "LOG_BYTES", 100_000)
    monkeypatch.setattr(trainer_log, "KEPT_BYTES", 65_536)
    player = files.results / "run_logs" / "Player-0.log"
    player.parent.mkdir(parents=True)
    older = player.with_name("Player-0.log.1")
    with player.open("w") as writer:
        for number in range(20):
            writer.write(f"{number:02d}" + 50_000 * "y" + "\n")
            writer.flush()
            trainer_log.bound(files)
            assert trainer_log._size_on_disk(player) <= 100_000
    text = older.read_text()
    assert "\0" not in text and len(text) <= 65_536
    assert text.endswith("y\n")
    assert not (player.with_name("Player-0.log.1.1")).exists()


def test_small_logs_and_other_files_are_left_alone(files: TrialFolder) -> None:
    files.log.write_text("a few words\n")
    other = files.results / "run_logs" / "timers.json"
    other.parent.mkdir(parents=True)
    other.write_bytes(bytes(trainer_log.LOG_BYTES + 1))
    trainer_log.bound(files)
    assert files.log.read_text() == "a few words\n"
    assert other.stat().st_size == trainer_log.LOG_BYTES + 1
    assert not list(files.path.rglob("*.1"))


def test_a_log_that_cannot_be_copied_is_no_error_and_stays(files: TrialFolder) -> None:
    files.log.write_bytes(bytes(trainer_log.LOG_BYTES + 1))
    files.log.with_name("trainer.log.1").mkdir()  # nothing can replace it
    trainer_log.bound(files)
    assert files.log.stat().st_size == trainer_log.LOG_BYTES + 1
    assert [path.name for path in files.path.glob(".trainer*")] == []


def test_a_kill_is_named() -> None:
    assert trainer_log.cause(-9, "") == "the trainer's process was killed by SIGKILL"
    assert trainer_log.cause(-40, "") == "the trainer's process was killed by signal 40"


CHAIN = """
Traceback (most recent call last):
  File "a.py", line 1, in <module>
FileNotFoundError: The demonstration file or directory x.demo does not exist.

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "b.py", line 1, in <module>
KeyError: 'SoccerTwos'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "c.py", line 1, in <module>
FileNotFoundError: [Errno 2] No such file or directory: 'SoccerTwos-0.onnx'
"""


def test_of_a_strangers_tracebacks_the_first_of_the_last_chain_is_the_cause() -> None:
    said = trainer_log.cause(1, "ValueError: caught long before\n" + CHAIN)
    assert said == "FileNotFoundError: The demonstration file or directory x.demo does not exist."
    assert trainer_log.cause(1, CHAIN + "\nTraceback\nValueError: later\n") == "ValueError: later"


@pytest.mark.parametrize("last", ["KeyError", "KeyError: 'SoccerTwos'", "a.b.SomeException: no", "Exception: no"])
@pytest.mark.parametrize("after", ["Exception in thread Thread-2 (_run):", "Exception ignored in: <function f at 0x7>"])
def test_a_cause_is_no_word_on_where_an_exception_went(last: str, after: str) -> None:
    assert trainer_log.cause(1, f"{last}\n{after}\nTraceback (most recent call last):\n") == last
