"""How the Hub is asked: huggingface_hub with time limits on every request, one patience for all, refusals as one line.

What it reads from the environment stays as it is: HF_TOKEN or a cached login, HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE,
HF_HUB_DISABLE_XET, proxies.
"""

import logging
import os
import re
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version as installed
from typing import Any, TypeVar
from urllib.parse import urlsplit

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # it tells of packages and tools by default; read when it is imported
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

import httpx2
import huggingface_hub as hf
from huggingface_hub import errors

from reports.hub.errors import HubAway, HubError, clean, line
from reports.hub.retry import Again, Patience, patience, patiently

T = TypeVar("T")
READING_S = 60.0
"""How long at most a question is repeated: whoever reads may have it in the cache, or a person waits."""
PASSING = (408, 425, 429, 500, 502, 503, 504)
_AWAY = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_BROKEN = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)
_FAILURES = (
    Again,
    httpx2.HTTPError,
    OSError,
    RuntimeError,  # what an upload's thread raises from the reason, and hf_xet
    ValueError,  # answers that are none of a Hub's, and names that can be none
    KeyError,
    errors.EntryNotFoundError,
    errors.RevisionResolutionError,
    errors.XetDownloadError,
)
_STATUS = re.compile(r"HTTP status (?:client|server) error \((\d{3})")
_RESET = re.compile(r"r=0;\s*t=(\d+)")


class _Client(httpx2.Client):
    """No request waits for ever, and what passes by itself is raised as Again, past huggingface_hub's own retries,
    which wait without a bound where a Retry-After says so, and not at all where a commit is sent."""

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        how = patience()
        limits = {"connect": how.connect, "read": how.answer, "write": how.answer, "pool": how.answer}
        given = request.extensions.get("timeout", {})
        request.extensions["timeout"] = limits | {name: limit for name, limit in given.items() if limit is not None}
        try:
            response = super().send(request, **options)
        except _AWAY as error:
            raise Again(_reason(error), away=True) from None
        except _BROKEN as error:
            raise Again(_reason(error)) from None
        busy = response.status_code == 409 and "conflicting operation" in response.read().decode(errors="replace")
        if response.status_code in PASSING or busy:  # the latter huggingface_hub repeats at once, for ever
            response.close()
            raise Again(f"HTTP {response.status_code}", _after(response))
        return response


def _client() -> httpx2.Client:
    return _Client(event_hooks=_HOOKS, follow_redirects=True)


_HOOKS = hf.get_session().event_hooks  # huggingface_hub's own: offline mode, numbers of requests
hf.set_client_factory(_client)
if not os.environ.get("HF_HUB_VERBOSITY") and not os.environ.get("HF_DEBUG"):
    # its warnings name signed addresses, and repeat what is raised
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)


def reading() -> Patience:
    """For questions: shorter than for what is to be published."""
    how = patience()
    return replace(how, seconds=min(how.seconds, READING_S), away=3)


def asked(do: Callable[[hf.HfApi], T], doing: str, repo: str, how: Patience) -> T:
    """What `do` returns, done again as `how` says where its failure passes by itself. Raises HubError.

    `doing` and `repo` are for the line: to `publish to` `user/name`.
    """
    api = hf.HfApi(library_name="selfplay-sweep", library_version=installed("selfplay-sweep"))
    others = 0

    def tried() -> T:
        nonlocal others
        try:
            return do(api)
        except _FAILURES as error:
            cause = _cause(error)
        others += not isinstance(cause, Again)
        if isinstance(cause, Again) or (_unclear(cause) and others < 3):
            raise cause if isinstance(cause, Again) else Again(_reason(cause))
        raise cause

    try:
        return patiently(tried, how)
    except HubError:
        raise
    except Again as again:
        refused: Exception = _gave_up(again, doing, repo, how)
    except _FAILURES as error:
        refused = _refused(error, doing, repo)
    raise refused  # outside of the handlers: a request, with its token, must not hang on an error's context


def account() -> str | None:
    """The name of whoever is logged in (HF_TOKEN, `hf auth login`); None without a token. Raises HubError."""
    if hf.get_token() is None:
        return None
    return str(asked(lambda api: api.whoami()["name"], "tell", "whose it is", reading()))


def _cause(error: BaseException) -> Exception:
    """What lies under the errors that huggingface_hub wraps around others."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, Again | HubError | errors.HfHubHTTPError):
            return found
        if isinstance(found, _BROKEN):
            return Again(_reason(found), away=isinstance(found, _AWAY))
        if (status := _xet_status(found)) in PASSING:
            return Again(f"HTTP {status}")
        found = found.__cause__
    return error if isinstance(error, Exception) else RuntimeError(type(error).__name__)


def _xet_status(error: BaseException) -> int:
    """What hf_xet was answered, which it says in words alone; 0: nothing."""
    found = _STATUS.search(str(error)) if isinstance(error, OSError | RuntimeError) else None
    return int(found[1]) if found else 0


def _unclear(error: Exception) -> bool:
    """Whether trying again may help though nobody said so: storage that failed, a file that came short."""
    if isinstance(error, errors.HfHubHTTPError | ValueError | KeyError | errors.EntryNotFoundError | PermissionError):
        return False
    return not (
        _xet_status(error)
        or isinstance(error, errors.OfflineModeIsEnabled)
        or (isinstance(error, OSError) and error.errno)
    )


def _gave_up(again: Again, doing: str, repo: str, how: Patience) -> HubAway:
    if again.away:
        return HubAway(
            f"the Hub must be reachable to {doing} {repo}, but {_where()} is not ({clean(again.reason)}); check the"
            " network and HF_ENDPOINT"
        )
    if again.after is not None and again.after > how.seconds:
        return HubAway(
            f"the Hub must be asked less often to {doing} {repo}: it wants a pause of {again.after:.0f} s"
            f" ({again.reason}); try again then"
        )
    return HubAway(
        f"the Hub must answer within {how.seconds:g} s to {doing} {repo}, but {_where()} has not"
        f" ({clean(again.reason)}); try again later, or wait longer with SWEEP_HUB_SECONDS"
    )


def _refused(error: Exception, doing: str, repo: str) -> Exception:
    """The line for a failure; a trouble of this machine (a full disk) stays what it is."""
    token = hf.get_token()
    if hf.is_offline_mode():
        return HubAway(
            f"the Hub may not be asked to {doing} {repo} while HF_HUB_OFFLINE is set, and the cache cannot help; unset"
            " it"
        )
    if isinstance(error, errors.HfHubHTTPError):
        code = error.response.headers.get("X-Error-Code") or ""
        words = error.server_message or error.response.headers.get("X-Error-Message") or ""
        return HubError(line(error.response.status_code, doing, repo, token, code, words))
    if status := _xet_status(error):
        return HubError(line(status, doing, repo, token))
    if isinstance(error, OSError) and error.errno:
        return OSError(error.errno, error.strerror, error.filename)
    return HubError(f"the Hub must take a request to {doing} {repo}, but: {clean(str(error), token)}; check the name")


def _after(response: httpx2.Response) -> float | None:
    """Seconds that the server asks to wait, Retry-After or the Hub's RateLimit."""
    given = response.headers.get("Retry-After", "").strip()
    if given.isdigit():
        return float(given)
    reset = _RESET.search(response.headers.get("RateLimit", ""))
    return float(reset[1]) if reset else None


def _where() -> str:
    """The Hub's host: an address may hold a password."""
    parts = urlsplit(hf.constants.ENDPOINT)
    return (parts.hostname or "the Hub") + (f":{parts.port}" if parts.port else "")


def _reason(error: BaseException) -> str:
    return clean(str(error)) or type(error).__name__
