"""What a league publishes of its files: no path of the machine, and every model's name as it is."""

from pathlib import Path

from sweep.league import published
from trials.league import roster
from trials.league.folder import LeagueFolder
from trials.league.roster import Change


def test_a_source_at_the_top_takes_no_letters_from_names(tmp_path: Path) -> None:
    league, out = LeagueFolder(tmp_path / "cup"), tmp_path / "out"
    league.path.mkdir()
    out.mkdir()
    line = "cannot read /models/old.onnx, /models."
    entered = [
        Change(
            what="entered",
            name="alice/models-soccer",
            revision="a",
            time=1.0,
            source="hub:tag",
            sha256="0" * 64,
            line="",
        ),
        Change(
            what="refused", name="models/old/models-2", revision="b", time=1.0, source="/models", sha256="", line=line
        ),
    ]
    roster.append(league.roster, entered)
    (copy,) = (file for file in published.copies(league, out) if file.name == league.roster.name)
    told = roster.read(copy)
    assert [change.name for change in told] == ["alice/models-soccer", "models/old/models-2"]
    assert [change.source for change in told] == ["hub:tag", "models"]
    assert told[1].line == "cannot read models/old.onnx, models."
