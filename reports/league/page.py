"""A league → its page: leaderboard, every model, any two of them, matches to look at; one file, offline or served."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports import formatting, html
from reports.formatting import shown
from reports.html import allowed, asset, packed, templates
from reports.league import data as league_data
from trials.arena.games.game import UNITY
from trials.arena.players.load import BUILT_IN, EARLIER
from trials.league.leaderboard import Place
from trials.league.reader import League

NAME = "league.html"
"""Of the page, in the league's folder."""
LONGEST = 120
"""Characters of a name on the page,"""
REASON = 2_400
"""and of a line that says why something is not as it should be."""


@dataclass(frozen=True)
class Recorded:
    """Matches of two players that the page can play."""

    a: str
    """Player."""
    b: str
    titles: tuple[str, ...]
    packed: str
    """As reports.replay.pack.pack does."""


def data(league: League) -> dict[str, Any]:
    """What the page is built from, as plain values; every name is one line of what can be printed."""
    found = league_data.plain(league)
    places = league.standings
    for row, place in zip(found["models"], places, strict=True):
        row[2], row[15] = shown(place.name, LONGEST), shown(place.same_as, LONGEST)
        row += [round(place.since), typed(place)]
    for refused in found["refused"]:
        refused.update({key: shown(refused[key], LONGEST if key != "line" else REASON) for key in refused})
    for played in found["played"]:
        played[-1] = [shown(note, REASON) for note in played[-1]]
    called = league.folder.path.absolute().name
    watched = not league.environment.startswith(UNITY)  # matches in an executable cannot be played again
    return found | {"name": shown(called), "headline": headline(places), "kicker": kicker(league), "watched": watched}


def headline(places: Sequence[Place]) -> str:
    """Who leads."""
    first = [shown(place.name, LONGEST) for place in places if place.rank == 1 and not place.same_as]
    if not first:
        return "Nobody has played enough to be ranked" if places else "Nobody has entered this league"
    if len(first) == 1:
        return f"{first[0]} leads the league"
    if len(first) == 2:
        return f"{first[0]} and {first[1]} share the first place"
    return f"{first[0]} is one of {len(first)} that share the first place"


def kicker(league: League) -> str:
    """What there is, in a line."""
    active = sum(place.state == "playing" for place in league.standings)
    parts = [
        f"{active:,} models",
        f"{len(league.matches):,} matches",
        f"{len(league.rounds):,} round{'s' * (len(league.rounds) != 1)}",
    ]
    when = [formatting.moment(float(league.matches.timestamp.max()))] if len(league.matches) else []
    return " · ".join([*parts, shown(league.environment), *when])


def typed(place: Place) -> str:
    """What `sweep watch` may be given for a model, quoted for a shell; of a file no more than its name."""
    name = place.name.removesuffix(f"~{place.player[:6]}")
    own = name.partition("/")[2] or name
    if place.name.startswith("built-in/") and own in (*BUILT_IN, *EARLIER):
        return own
    word = f"{name}@{place.revision}" if place.source.startswith("hub:") else f"{own.rpartition('/')[2]}.onnx"
    return shlex.quote(shown(f"./{word}" if word.startswith("-") else word, 300))


def page(found: Mapping[str, Any], recorded: Sequence[Recorded] = (), *, version: str = "", watch: bool = False) -> str:
    """The whole page as text from `data`; `version` makes it one that asks its server for newer data.

    watch: the server plays fresh matches.
    """
    style = "".join(asset(name) for name in ("report.css", "opponents.css", "replay.css", "league.css"))
    return str(
        templates()
        .get_template("league.html")
        .render(
            found=found,
            data=packed(json.dumps(found, separators=(",", ":"))),
            recorded=recorded,
            version=version,
            watch=watch,
            style=style,
            scripts=scripts(),
            policy=policy(scripts(), served=bool(version)),
        )
    )


def scripts() -> list[str]:
    """The page's, in their order."""
    return [asset(name) for name in ("packed.js", "replay.js", "league.js")]


def policy(those: Sequence[str], served: bool) -> str:
    """The page's Content-Security-Policy; a served one may ask its own server."""
    parts = ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "style-src 'unsafe-inline'"]
    parts += ["connect-src 'self'"] if served else []
    return "; ".join([*parts, f"script-src {' '.join(allowed(script) for script in those)}"])


def write(league: League, recorded: Sequence[Recorded] = ()) -> Path:
    """Write the page whole beside the league's files; its path. Raises OSError."""
    path = league.folder.path / NAME
    html.write(path, page(data(league), recorded))
    return path
