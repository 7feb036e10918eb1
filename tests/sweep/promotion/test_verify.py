"""What the course asks of a model: ten ways to break it, each named with its mend, and a sound one."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import promotable
import pytest
import yaml
from click.testing import CliRunner
from hub_server import HubServer
from onnx import TensorProto, helper
from rich.console import Console

import sweep.cli.main
from reports.model import checks, files
from sweep.promotion import verify
from trials.arena.players.load import HOUSE
from trials.arena.players.onnx_policy import OnnxPolicy

CARD = "---\nlibrary_name: ml-agents\nlicense: apache-2.0\ntags:\n- SoccerTwos\n- deep-reinforcement-learning\n" \
       "- reinforcement-learning\n- ML-Agents-SoccerTwos\n---\n# a policy\n"  # fmt: skip


def sound(folder: Path) -> Path:
    """A model as `mlagents-push-to-hf` leaves it, at its best."""
    (folder / "SoccerTwos").mkdir(parents=True)
    (folder / "run_logs").mkdir()
    shutil.copyfile(HOUSE, folder / "SoccerTwos.onnx")
    (folder / "README.md").write_text(CARD)
    (folder / "configuration.yaml").write_text(yaml.safe_dump(promotable.config()))
    (folder / "config.json").write_text(json.dumps(promotable.config()))
    (folder / "SoccerTwos" / "checkpoint.pt").write_bytes(b"PK")
    status = {"SoccerTwos": {"checkpoints": [{"steps": 5_000_000}], "elo": 1400.0}}
    (folder / "run_logs" / "training_status.json").write_text(json.dumps(status))
    (folder / "run_logs" / "timers.json").write_text(json.dumps({"total": 9000.0}))
    return folder


def edit(path: Path, change: Callable[[onnx.ModelProto], None]) -> None:
    model = onnx.load(path)
    change(model)
    onnx.save(model, path)


def nan_weights(model: onnx.ModelProto) -> None:
    for tensor in model.graph.initializer:
        if len(tensor.dims) > 1:
            parameters = np.full_like(onnx.numpy_helper.to_array(tensor), np.nan)
            tensor.CopyFrom(onnx.numpy_helper.from_array(parameters, tensor.name))


def other_spaces(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 243


def fewer_actions(model: onnx.ModelProto) -> None:
    masks = next(value for value in model.graph.input if value.name == "action_masks")
    masks.type.tensor_type.shape.dim[1].dim_value = 6


def status_of(steps: int) -> str:
    return json.dumps({"SoccerTwos": {"checkpoints": [{"steps": steps}]}})


def trainer(folder: Path, kind: str) -> None:
    path = folder / "configuration.yaml"
    path.write_text(path.read_text().replace("trainer_type: poca", f"trainer_type: {kind}"))


def seconds_long(folder: Path) -> None:
    (folder / "run_logs" / "training_status.json").unlink()
    (folder / "run_logs" / "timers.json").write_text(json.dumps({"total": 0.057}))


BROKEN: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "no onnx": (lambda f: (f / "SoccerTwos.onnx").unlink(), "name", "no .onnx file"),
    "wrong name": (lambda f: (f / "SoccerTwos.onnx").rename(f / "poca.onnx"), "name", "but poca.onnx"),
    "in a subfolder": (
        lambda f: (f / "SoccerTwos.onnx").rename(f / "SoccerTwos" / "SoccerTwos.onnx"),
        "name",
        "at the",
    ),
    "LFS pointer": (
        lambda f: (f / "SoccerTwos.onnx").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"),
        "file",
        "LFS pointer",
    ),
    "truncated": (
        lambda f: (f / "SoccerTwos.onnx").write_bytes(HOUSE.read_bytes()[: HOUSE.stat().st_size // 2]),
        "file",
        "whole ONNX",
    ),
    "empty": (lambda f: (f / "SoccerTwos.onnx").write_bytes(b""), "file", "is empty"),
    "other observations": (lambda f: edit(f / "SoccerTwos.onnx", other_spaces), "spaces", "another game"),
    "other actions": (lambda f: edit(f / "SoccerTwos.onnx", fewer_actions), "spaces", "action_masks"),
    "NaN weights": (lambda f: edit(f / "SoccerTwos.onnx", nan_weights), "plays", ""),
    "no step": (lambda f: (f / "run_logs" / "training_status.json").write_text(status_of(0)), "trained", "0 steps"),
    "a run of seconds": (seconds_long, "trained", "0.057 s"),
    "own trainer": (lambda f: trainer(f, "my_trainer"), "trainer", "my_trainer"),
    "no tag": (
        lambda f: (f / "README.md").write_text(CARD.replace("- ML-Agents-SoccerTwos\n", "")),
        "tag",
        "SoccerTwos",
    ),
    "no card": (lambda f: (f / "README.md").unlink(), "tag", "none"),
}


def test_a_sound_model_is_well(tmp_path: Path) -> None:
    found = verify.verify(str(sound(tmp_path / "m")), None, 4, 1, False)
    assert found.ok, found
    said = {check.name: check for check in found.checks}
    assert said["results"].status == "advice" and "model-index" in said["results"].found
    assert "Elo" in said["against random play"].found and said["against the house"].status == "ok"
    assert said["spaces"].found == "264 + 72 floats in, 3 branches of 3 actions out"


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_model_is_told_by_what_is_broken_and_how_to_mend_it(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "vet", OnnxPolicy)  # the same words, without a process for each
    spoil, name, said = BROKEN[case]
    folder = sound(tmp_path / "m")
    spoil(folder)
    broken = checks.broken(checks.examine(files.of_folder(folder)))
    assert name in {check.name for check in broken}, broken
    mine = next(check for check in broken if check.name == name)
    assert said in mine.found and mine.mend
    assert all(check.name in (name, "file", "plays") for check in broken), broken


@pytest.mark.parametrize("place", ["missing.bin", "../../../../../etc/passwd"])
def test_numbers_that_vetting_has_not_seen_are_not_read(place: str, tmp_path: Path) -> None:
    """In a graph in a node that nothing needs, key and value in the order that no one writes them in."""
    folder = sound(tmp_path / "m")
    model = onnx.load(folder / "SoccerTwos.onnx")
    hidden = TensorProto(name="w", data_type=1, dims=[4], data_location=TensorProto.EXTERNAL)
    hidden.external_data.add(key="location", value=place)
    inner = helper.make_graph(
        [helper.make_node("Identity", ["w"], ["o"])], "g", [], [helper.make_tensor_value_info("o", 1, [4])], [hidden]
    )
    unneeded = helper.make_node("If", [model.graph.input[0].name], ["x"], then_branch=inner, else_branch=inner)
    model.graph.node.append(unneeded)
    name, size = place.encode(), bytes([len(place)])
    written, turned = b"\x0a\x08location\x12" + size + name, b"\x12" + size + name + b"\x0a\x08location"
    (folder / "SoccerTwos.onnx").write_bytes(model.SerializeToString().replace(written, turned))
    seen = {check.name: check for check in checks.examine(files.of_folder(folder))}
    assert seen["spaces"].status == "no" and seen["spaces"].found.startswith("onnx.checker: ")


def test_odd_files_beside_a_model_are_bounded_and_told(tmp_path: Path) -> None:
    folder = sound(tmp_path / "m")
    (folder / "run_logs" / "training_status.json").write_text('{"SoccerTwos": {"checkpoints": 5}}')
    levels = [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]" for at in range(1, 9)]
    (folder / "README.md").write_text("---\na0: &a0 [x]\n" + "\n".join(levels) + "\nlicense: *a8\n---\n")
    seen = {check.name: check for check in checks.examine(files.of_folder(folder), load=False)}
    assert seen["trained"].status == "ok"  # by its time
    assert "it has more than 20 aliases" in seen["card"].found


def test_names_are_shown_as_they_are(tmp_path: Path) -> None:
    folder = sound(tmp_path / "a[/b]")
    out = io.StringIO()
    Console(file=out, width=200).print(verify.table(verify.verify(str(folder), None, 0, 1, False)))
    assert str(folder) in out.getvalue()


def test_advice_is_no_refusal(tmp_path: Path) -> None:
    folder = sound(tmp_path / "m")
    (folder / "run_logs" / "timers.json").write_text(json.dumps({"total": 9000.0, "command": "/home/carol/x/mlagents"}))
    for step in (1, 2, 3):
        (folder / "SoccerTwos" / f"SoccerTwos-{step}.pt").write_bytes(b"")
    (folder / "README.md").write_text(CARD.replace("license: apache-2.0\n", ""))
    found = checks.examine(files.of_folder(folder), load=False)
    advice = {check.name: check for check in found if check.status == "advice"}
    assert set(advice) == {"license", "private", "lean", "results"} and not checks.broken(found)
    assert "/home/carol/x/mlagents" in advice["private"].found and all(check.mend for check in advice.values())


def test_what_is_large_without_checkpoints_is_told_by_its_size(tmp_path: Path) -> None:
    folder = sound(tmp_path / "m")
    with (folder / "replay.mp4").open("wb") as video:
        video.truncate(39_700_000)
    lean = next(check for check in checks.examine(files.of_folder(folder), load=False) if check.name == "lean")
    assert (lean.status, lean.found) == ("advice", "40 MB in 8 files") and "leave them out" not in lean.mend


def test_a_person_is_shown_pass_warn_and_fail(tmp_path: Path) -> None:
    folder = sound(tmp_path / "m")
    (folder / "run_logs" / "training_status.json").write_text(status_of(0))
    found = checks.examine(files.of_folder(folder), load=False)
    console = Console(file=io.StringIO(), width=200)
    console.print(verify.table(verify.Verified("m", None, False, found)))
    shown = {line.split()[3]: line.split()[1] for line in console.file.getvalue().splitlines() if line.startswith("│")}
    assert (shown["tag"], shown["results"], shown["trained"]) == ("pass", "warn", "fail")


def test_the_command_fails_where_a_must_does(tmp_path: Path) -> None:
    run = CliRunner().invoke
    shutil.copyfile(HOUSE, tmp_path / "SoccerTwos.onnx")
    well = run(
        sweep.cli.main.cli,
        ["verify", str(tmp_path / "SoccerTwos.onnx"), "--pairs", "0", "--json"],
        standalone_mode=False,
    )
    assert well.return_value == 0 and json.loads(well.stdout)["ok"]
    (tmp_path / "bad.onnx").write_bytes(b"no graph")
    bad = run(sweep.cli.main.cli, ["verify", str(tmp_path / "bad.onnx"), "--json"], standalone_mode=False)
    told = json.loads(bad.stdout)
    assert bad.return_value == 1 and not told["ok"]
    assert {check["name"] for check in told["checks"] if check["status"] == "no"} == {"name", "file"}
    nowhere = run(sweep.cli.main.cli, ["verify", str(tmp_path / "none.onnx")], standalone_mode=False)
    assert "a model must be there" in str(nowhere.exception)


def test_a_repository_is_looked_at_without_fetching_what_nobody_plays(hub: HubServer, tmp_path: Path) -> None:
    folder = sound(tmp_path / "m")
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    hub.store.put("other/poca", files)
    found = verify.verify("other/poca", None, 0, 1, False)
    assert found.ok and found.revision is not None and len(found.revision) == 40
    assert not [entry for entry in hub.asked("checkpoint.pt") if entry.method == "GET"]
    assert {check.name: check.status for check in found.checks}["resume"] == "ok"
    hub.store.put("other/poca", files | {"SoccerTwos/events.out.tfevents.1795368796.carols-pc.213.0": b"not fetched"})
    told = {check.name: check for check in verify.verify("other/poca", None, 0, 1, False).checks}
    assert told["private"].status == "advice" and "carols-pc" in told["private"].found
    hub.store.put("other/none", {"README.md": CARD.encode()})
    assert not verify.verify("other/none", None, 0, 1, False).ok


TOP = "---\nlibrary_name: ml-agents\nlicense: mit\ntags: [SoccerTwos, ML-Agents-SoccerTwos]\n---\n# A model\n"


@pytest.mark.parametrize(
    ("content", "status", "found"),
    [
        (TOP.replace("license: mit", "license: [mit").encode(), "no", "README.md must be YAML, but line 4 is not"),
        (TOP.replace("license: mit", "license:\tmit: x").encode(), "no", "README.md must be YAML, but line 3 is not"),
        (TOP.replace("license:", "library_name:").encode(), "no", "line 3 is not (the key 'library_name' is there"),
        (b"\xef\xbb\xbf" + TOP.encode(), "no", "README.md begins with a byte order mark in line 1"),
        (TOP.encode("utf-16"), "no", "README.md begins with a byte order mark of UTF-16 in line 1"),
        (TOP.replace("mit", "caf\u00e9").encode("latin-1"), "no", "README.md must be text in UTF-8, but line 3 is not"),
        (TOP.replace("---\n#", "#").encode(), "no", "must end its metadata with a line of ---, but after line 1"),
        (b"---\n- a\n- b\n---\n", "no", "README.md must have keys with values, but from line 2 on it is a list"),
        (b"# A model\n", "advice", "must begin with metadata between two lines of ---, but line 1 is '# A model'"),
        (b"", "advice", "but line 1 is ''"),
        (b"---\n---\n", "advice", "lacks SoccerTwos"),
        (None, "advice", "no README.md"),
    ],
)
def test_what_is_wrong_with_a_card_is_said_with_its_line(
    content: bytes | None, status: str, found: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "README.md").write_bytes(content)
    seen = {check.name: check for check in checks.examine(files.of_folder(tmp_path), load=False)}
    assert seen["card"].status == status and found in seen["card"].found
    assert "no README.md" not in seen["card"].found or content is None


def test_a_card_with_a_byte_order_mark_is_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes(b"\xef\xbb\xbf" + TOP.replace("\n", "\r\n").encode())
    seen = {check.name: check for check in checks.examine(files.of_folder(tmp_path), load=False)}
    assert seen["tag"].status == "ok" and seen["card"].status == "no"


@pytest.mark.parametrize(
    ("license", "status", "found"),
    [
        ("apache-2.0", "ok", "apache-2.0"),
        ("Apache 2.0", "no", "'Apache 2.0', which is no identifier of the Hub's; did you mean apache-2.0?"),
        ('""', "no", "'', which is no identifier"),
        ("[mit, nonsense]", "no", "'nonsense', which is no identifier"),
        ("3", "no", "3, which is no identifier"),
        ("", "advice", "none"),
    ],
)
def test_a_license_is_looked_at_as_the_hub_does(license: str, status: str, found: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(TOP.replace("license: mit", f"license: {license}"))
    seen = {check.name: check for check in checks.examine(files.of_folder(tmp_path), load=False)}
    assert seen["license"].status == status and found in seen["license"].found


def test_a_number_that_no_float_holds_is_none(tmp_path: Path) -> None:
    (tmp_path / "run_logs").mkdir()
    (tmp_path / "run_logs" / "timers.json").write_text(f'{{"total": {"9" * 400}}}')
    seen = {check.name: check for check in checks.examine(files.of_folder(tmp_path), load=False)}
    assert seen["trained"].status == "unknown"


@pytest.mark.parametrize("tags", ["ML-Agents-SoccerTwos", "5", "{a: b}"])
def test_tags_that_are_no_list_are_none(tags: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(TOP.replace("[SoccerTwos, ML-Agents-SoccerTwos]", tags))
    seen = {check.name: check for check in checks.examine(files.of_folder(tmp_path), load=False)}
    assert seen["tag"].status == "no" and "which are no list" in seen["tag"].found


@pytest.mark.parametrize(
    ("name", "content", "check", "found"),
    [
        ("configuration.yaml", "behaviors:\n  SoccerTwos: [\n", "trainer", "configuration.yaml must be YAML, but line"),
        ("config.json", '{"behaviors":\n{"SoccerTwos": }}', "trainer", "config.json must be JSON, but line 2 is not"),
        ("run_logs/training_status.json", "{\n\nx", "trained", "training_status.json must be JSON, but line 3 is not"),
        ("run_logs/timers.json", "[]", "trained", "timers.json must be a JSON object"),
    ],
)
def test_a_file_that_cannot_be_read_is_not_called_absent(
    name: str, content: str, check: str, found: str, tmp_path: Path
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(content)
    seen = {one.name: one for one in checks.examine(files.of_folder(tmp_path), load=False)}
    assert seen[check].status == "unknown" and found in seen[check].found


@pytest.mark.parametrize(
    ("text", "status", "found", "behavior"),
    [
        ("behaviors: {SoccerTwos: {max_steps: 5}}", "ok", "ppo", "ok"),
        ("default_settings: {trainer_type: poca}\nbehaviors: {SoccerTwos: {max_steps: 5}}", "ok", "poca", "ok"),
        ("default_settings: {trainer_type: poca}\nbehaviors: {SoccerTwos: {trainer_type: own}}", "no", "own", "ok"),
        ("default_settings: {trainer_type: poca}", "ok", "poca", "unknown"),
        ("default_settings: null\nbehaviors: {}", "no", "none", "no"),
    ],
)
def test_a_trainer_that_is_not_named_is_mlagents_own_default(
    text: str, status: str, found: str, behavior: str, tmp_path: Path
) -> None:
    (tmp_path / "configuration.yaml").write_text(text)
    seen = {check.name: check for check in checks.examine(files.of_folder(tmp_path), load=False)}
    assert (seen["trainer"].status, seen["trainer"].found) == (status, found)
    assert seen["behavior"].status == behavior
