"""Ray on this machine starts though the machine is busy, and says so where it does not."""

from pathlib import Path
from typing import Any

import pytest

from sweep import settings
from sweep.cluster import session
from trials.errors import SetupError

LATE = Exception("The current node timed out during startup. This could happen because ...")


def starting(monkeypatch: pytest.MonkeyPatch, *errors: Exception) -> list[dict[str, Any]]:
    """What `ray.init` is asked, which raises these errors one after another, then works."""
    asked: list[dict[str, Any]] = []
    left = list(errors)

    def init(**words: Any) -> None:
        asked.append(words)
        if left:
            raise left.pop(0)

    monkeypatch.setattr(session.ray, "init", init)
    return asked


def test_processes_that_are_late_are_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = starting(monkeypatch, LATE, LATE)
    session._start(2)
    assert [words["num_cpus"] for words in asked] == [2, 2, 2] and asked[0]["address"] == "local"


def test_a_machine_too_busy_is_one_line_and_other_errors_are_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = starting(monkeypatch, *[LATE] * session.STARTS)
    with pytest.raises(SetupError, match=r"not ready within 30 s, 4 times in a row; .*sweep doctor"):
        session._start(1)
    assert len(asked) == session.STARTS
    asked = starting(monkeypatch, ValueError("no such option"))
    with pytest.raises(ValueError, match="no such option"):
        session._start(1)
    assert len(asked) == 1


def test_a_ray_whose_own_process_has_ended_is_known_by_it(tmp_path: Path) -> None:
    made = settings.make(space="quick", out=tmp_path / "run", slots=1)
    with session.ray_session(made, lambda text: None) as here:
        assert {*here.processes} == {"gcs_server", "raylet"} and not here.lost
        raylet = here.processes["raylet"]
        raylet.kill()
        raylet.wait()
        assert here.lost == "raylet"
