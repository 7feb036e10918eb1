"""Files that a YAML names are found from its own folder, and the run's own space names its copies."""

from pathlib import Path

import pytest

import search_spaces
from search_spaces import files
from sweep.cluster import run_storage
from trials.errors import SpaceError
from trials.folder import RunFolder
from trials.inputs import located, needed

COURSE = (Path(search_spaces.__file__).parent / "course.yaml").read_text()


def load(folder: Path, *lines: str) -> search_spaces.Space:
    (folder / "my.yaml").write_text(COURSE + "".join(f"    {line}\n" for line in lines))
    return search_spaces.load(folder / "my.yaml")


def test_a_run_takes_its_files_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, run = tmp_path / "home", RunFolder(tmp_path / "run")
    (home / "demos").mkdir(parents=True)
    (home / "old.pt").write_bytes(b"weights")
    for name in ("a.demo", "b.demo", "notes.txt"):
        (home / "demos" / name).write_text(name)
    monkeypatch.chdir("/")
    lines = ("init_path: old.pt  # from before", "behavioral_cloning: {demo_path: ./demos}")
    space = load(home, *lines)
    inputs = files.named(space)
    kept = files.taken_along(space, inputs)
    run_storage.keep(inputs, run)
    assert kept.text.count("\n") == space.text.count("\n") and "# from before" in kept.text
    config = located(search_spaces.render(kept, {}), run.path)
    trainer = config["behaviors"]["SoccerTwos"]
    assert Path(trainer["init_path"]).read_bytes() == b"weights"
    found = sorted(path.name for path in Path(trainer["behavioral_cloning"]["demo_path"]).iterdir())
    assert found == ["a.demo", "b.demo"]
    assert str(tmp_path) not in kept.text
    (run.path / "space.yaml").write_text(kept.text)  # the run is a place to start from again, wherever it lies
    again = search_spaces.load((run.path.rename(tmp_path / "moved")) / "space.yaml")
    assert [each.source.is_relative_to(tmp_path / "moved") for each in files.named(again)] == [True, True]


def test_the_options_of_a_parameter_are_files_too(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.pt").write_text(name)
    space = load(tmp_path, "init_path: {choice: [a.pt, b.pt]}")
    kept = files.taken_along(space, files.named(space))
    assert [option.rpartition("-")[2] for option in kept.parameters["init_path"].options] == ["a.pt", "b.pt"]
    assert needed(search_spaces.render(kept, {"init_path": kept.parameters["init_path"].options[1]})) == [
        kept.parameters["init_path"].options[1]
    ]


@pytest.mark.parametrize(
    ("line", "shared", "kept_as_written"),
    [
        ("init_path: a.pt", "{init_path: a.pt}", True),
        ("init_path: {choice: [a.pt, b.pt]}", "{init_path: b.pt}", True),
        ("init_path: {choice: [a.pt, b.pt]}", "{init_path: c.pt}", True),
        ("init_path: &old a.pt", "{init_path: *old}", True),
        ("init_path: {choice: &all [a.pt, b.pt]}", "{init_path: c.pt}  # 'c.pt'", True),
        ("init_path: a.pt", "{<<: {init_path: a.pt}}", False),
    ],
)
def test_trial_0_finds_its_file_in_the_run_too(line: str, shared: str, kept_as_written: bool, tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.pt").write_text(name)
    (tmp_path / "my.yaml").write_text(f"{COURSE}    {line}\nsweep:\n  shared: {shared}\n")
    space, run = search_spaces.load(tmp_path / "my.yaml"), RunFolder(tmp_path / "run")
    search_spaces.check(space, 2_000_000, 8)
    inputs = files.named(space)
    kept = files.taken_along(space, inputs)
    run_storage.keep(inputs, run)
    first = search_spaces.course(kept)
    meant = str(space.sweep.shared["init_path"])
    assert Path(located(first, run.path)["behaviors"]["SoccerTwos"]["init_path"]).read_text() == meant[0]
    assert kept.parameters.keys() == space.parameters.keys()
    assert (kept.text.count("\n") == space.text.count("\n")) is kept_as_written
    search_spaces.check(kept, 2_000_000, 8)


def test_the_same_name_in_two_places_is_two_files(tmp_path: Path) -> None:
    names = []
    for place in "xy":
        (tmp_path / place).mkdir()
        (tmp_path / place / "checkpoint.pt").write_text(place)
        space = load(tmp_path, f"init_path: {place}/checkpoint.pt")
        names.append(files.named(space)[0].name)
    assert names[0] != names[1]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "init_path: no.pt",
            "init_path must name a file that is there, from the YAML's own folder, but got no.pt in my.yaml:39",
        ),
        (
            "init_path: ~nobody-here/x.pt",
            "must name a file that is there, from the YAML's own folder, but got '~nobody-here/x.pt'",
        ),
        ("init_path: demos", "init_path must name a checkpoint, a .pt file, but got demos in my.yaml:39"),
        ("init_path: some.onnx", "init_path must name a .pt file, but got some.onnx"),
        (
            "init_path: {choice: [old.pt, no.pt]}",
            "must name a file that is there, from the YAML's own folder, but got no.pt",
        ),
        ("behavioral_cloning: {demo_path: demos}", "must name a .demo file or a folder of them, but got demos"),
        ("behavioral_cloning: {demo_path: no.demo}", "behavioral_cloning.demo_path must name a file that is there"),
    ],
)
def test_what_is_not_there_is_refused_with_its_line(line: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "demos").mkdir()
    for name in ("old.pt", "some.onnx"):
        (tmp_path / name).write_text("")
    space = load(tmp_path, line)
    with pytest.raises(SpaceError) as refused:
        files.named(space)
    assert message in str(refused.value) and str(tmp_path) not in str(refused.value)


def test_gail_names_a_file_as_well(tmp_path: Path) -> None:
    text = COURSE.replace("        strength: 1.0\n", "        strength: 1.0\n      gail: {demo_path: no.demo}\n")
    (tmp_path / "my.yaml").write_text(text)
    with pytest.raises(SpaceError, match=r"reward_signals.gail.demo_path must name a file that is there"):
        files.named(search_spaces.load(tmp_path / "my.yaml"))
