"""The leaderboard as files, written whole: JSON, a CSV table, and AI vs AI's own `soccer_elo.csv`."""

import csv
import json
from collections.abc import Sequence
from typing import Any

from trials.arena import history
from trials.folder import written_whole
from trials.league.folder import LeagueFolder
from trials.league.leaderboard import Place

FORMAT = "league-1"
COLUMNS = (
    *("rank", "tied", "user", "model", "revision", "elo", "low", "high", "games", "wins", "draws", "losses"),
    *("ai_vs_ai", "provisional", "state", "same_as", "player"),
)


def row(place: Place) -> dict[str, Any]:
    """A place as plain values, Elo to a hundredth."""
    found = {name: getattr(place, name) for name in COLUMNS}
    return found | {name: round(found[name], 2) for name in ("elo", "low", "high", "ai_vs_ai")}


def plain(places: Sequence[Place], about: dict[str, Any]) -> dict[str, Any]:
    """The leaderboard as one JSON object; `about` is what is said of the whole."""
    return {"format": FORMAT, **about, "models": [row(place) for place in places]}


def write(league: LeagueFolder, places: Sequence[Place], about: dict[str, Any]) -> None:
    """Write all three, each whole. Raises OSError."""
    with written_whole(league.leaderboard) as temporary:
        temporary.write_text(json.dumps(plain(places, about), indent=1) + "\n", encoding="utf-8")
    with (
        written_whole(league.leaderboard_csv) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        out.writeheader()
        out.writerows({name: "" if value is None else value for name, value in row(place).items()} for place in places)
    one_each = {
        history.listed(place.name): place for place in sorted(places, key=lambda place: place.state == "playing")
    }
    elo = [history.Standing(name, place.ai_vs_ai, place.games) for name, place in one_each.items()]
    history.write_elo(league.elo, sorted(elo, key=lambda standing: -standing.elo))
