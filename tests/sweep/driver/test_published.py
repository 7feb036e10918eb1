"""Files as people have them, on real parts: a published configuration trains, and only dead proposals are a failure."""

import json
from pathlib import Path

import yaml
from real_sweep import SPACE, Command, json_of, run_sweep

from trials import ledger
from trials.events import SweepEnded, TrialBegan, TrialEnded
from trials.folder import RunFolder
from trials.learner.process import check_with_mlagents

SMALL = {
    "trainer_type": "poca",
    "network_settings": {"hidden_units": 32, "num_layers": 1},
    "self_play": {"save_steps": 50000, "team_change": 200000},
}
FEW = {"rating_matches": 8, "fresh_matches": 8}
"""So that the test is short; no part of what is published."""


def test_a_config_json_of_the_hub_trains_from_any_folder(tmp_path: Path) -> None:
    whole = check_with_mlagents({"behaviors": {"SoccerTwos": SMALL | {"max_steps": 5_000_000}}})
    control = {"run_id": "SoccerTwos", "resume": True, "inference": True, "initialize_from": "Old"}
    whole["checkpoint_settings"] |= control | {"results_dir": "results"}
    whole["env_settings"] |= {"seed": 7, "num_areas": 4, "num_envs": 3, "base_port": 5007}
    whole["torch_settings"] = {"device": "cpu"}
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.json").write_text(json.dumps(whole | {"sweep": FEW}))
    words = ("--steps", "1000", "--final-seeds", "0", "--slots", "1", "--fields", "2", "--out", "run")
    done = run_sweep("run", "home/config.json", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    notes = [line for line in done.stdout.splitlines() if line.startswith("note: config.json")]
    assert "note: config.json: env_settings.num_areas 4 gives way to --fields 2" in notes
    assert "note: config.json: env_settings.num_envs 3 gives way to --num-envs 1" in notes
    assert "note: config.json: env_settings.seed 7 is taken as --seed" in notes
    (left,) = [note for note in notes if "left out are" in note]
    assert all(f"checkpoint_settings.{name}" in left for name in ("run_id", "resume", "inference"))
    (spec,) = [event.spec for event in ledger.read(RunFolder(tmp_path / "run").ledger) if isinstance(event, TrialBegan)]
    assert (spec.seed, spec.fields, spec.device) == (7000, 2, "cpu")
    resolved = yaml.safe_load((RunFolder(tmp_path / "run").trial(0).results / "configuration.yaml").read_text())
    settings = resolved["checkpoint_settings"]
    assert settings["inference"] is settings["resume"] is False and settings["initialize_from"] is None
    assert resolved["behaviors"]["SoccerTwos"]["max_steps"] == 1000


def test_a_sweep_whose_every_proposal_fails_ends_as_a_failure(tmp_path: Path) -> None:
    parameters = SPACE.replace(
        "{normalize: false, hidden_units: 32", "{normalize: false, hidden_units: {choice: [90000000]}"
    )
    (tmp_path / "my.yaml").write_text(parameters)
    done = run_sweep("run", "my.yaml", "--trials", "3", "--steps", "1000", "--slots", "1", "--out", "run", cwd=tmp_path)
    run = RunFolder(tmp_path / "run")
    events = ledger.read(run.ledger)
    ends = {event.trial: event for event in events if isinstance(event, TrialEnded)}
    assert [ends[number].state for number in range(3)] == ["complete", "failed", "failed"], done.stdout
    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith(
        "sweep: a sweep needs a trial that it proposed to work, but all 2 failed; the first: trial: "
    )
    assert "allocate" in line
    end = events[-1]
    assert isinstance(end, SweepEnded) and end.state == "failed" and end.reason in line
    said = json_of(run_sweep("status", str(run.path), "--json"))
    assert (said["state"], said["reason"]) == ("failed", end.reason)
    assert "All 2 trials that the sweep proposed failed: nothing is known" in run.report.read_text()


def test_what_must_not_start_leaves_nothing(command: Command, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    for more, line in (
        (
            "checkpoint_settings: {initialize_from: Old}",
            "checkpoint_settings.initialize_from must be left to the trials",
        ),
        ("torch_settings: {device: mps}", "torch_settings.device must be cpu, cuda or cuda:N, but got mps"),
        ("torch_settings: {device: 'cuda:9'}", "--torch-device cuda:9 needs"),
        ("env_settings: {env_path: builds/SoccerTwos}", "env_settings.env_path must be an ML-Agents executable"),
    ):
        text = yaml.safe_dump({"behaviors": {"SoccerTwos": SMALL}}) + more + "\n"
        (tmp_path / "home" / "my.yaml").write_text(text)
        done = command("run", "home/my.yaml", "--steps", "1000", "--out", "run", cwd=tmp_path)
        assert done.returncode == 1 and done.stdout in ("", "checking the configuration with mlagents ...\n"), (
            done.stdout
        )
        (said,) = done.stderr.strip().splitlines()
        assert line in said
        assert [path.name for path in tmp_path.iterdir()] == ["home"]
