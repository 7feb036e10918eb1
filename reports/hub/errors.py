"""What the Hub refused, as one line for a person: the rule, what came, what to do, and never a token (pure)."""

import re

from trials.errors import SetupError

_TOKEN = re.compile(r"(hf|api_org)_[A-Za-z0-9]{6,}|(?i:bearer)\s+\S+")
_QUERY = re.compile(r"(https?://)(?:[^/\s@]*@)?([^\s?]*)\?\S*")
_USER = re.compile(r"(https?://)[^/\s@]*@")
LOGIN = "run `hf auth login`, or set HF_TOKEN"


class HubError(SetupError):
    """The Hub refused, or cannot be reached; nothing was changed there but what the line says."""


class HubAway(HubError):
    """The Hub does not answer, or is not to be asked (HF_HUB_OFFLINE): that says nothing of what was asked for."""


def line(status: int, doing: str, repo: str, token: str | None, code: str = "", words: str = "") -> str:
    """A refusal by its HTTP status, the Hub's X-Error-Code and its server's words.

    `doing` is what was asked, `publish to`; `token` is what went with it, named by no line.
    """
    said = f" ({clean(words, token)})" if words.strip() else ""
    if code == "RevisionNotFound":
        return f"a revision must be in the repository, but that of {repo} is not{said}; name a branch, tag or commit"
    if code == "EntryNotFound":
        return f"a file must be in the repository, but that of {repo} is not{said}; see the repository's files"
    if code == "GatedRepo":
        return f"a gated repository must have let you in, but {repo} has not; ask for access on its page"
    match status:
        case 401 if token is None:
            return (
                f"the Hub must know who you are to {doing} {repo}, but no token was given: it is private, misspelt or"
                f" not yours; {LOGIN}"
            )
        case 401:
            return f"the Hub must accept the token to {doing} {repo}, but does not{said}; is it revoked? {LOGIN}"
        case 402:
            return f"the Hub asks for payment to {doing} {repo}{said}; see the account's billing page"
        case 403:
            return (
                f"the token must have the right to {doing} {repo}, but it has not{said}; use one with write access to"
                " that account (https://huggingface.co/settings/tokens), or name a repository of your own"
            )
        case 404:
            return f"a repository must be on the Hub to {doing} it, but {repo} is not, or not for you; check the name"
        case 409:
            return f"the Hub reports a conflict for {repo}{said}; choose another name, or try again in a minute"
        case 412:
            return (
                f"{repo} must stay as it is while files go up, but somebody committed in between; nothing was"
                " published: look at it, and run the command again"
            )
    return f"the Hub must take a request to {doing} {repo}, but refuses it with HTTP {status}{said}"


def clean(words: str, token: str | None = None) -> str:
    """At most 160 characters of a server's words on one line, without tokens, signatures and passwords."""
    text = " ".join(words.split())
    if token:
        text = text.replace(token, "hf_***")
    text = _USER.sub(r"\1", _QUERY.sub(r"\1\2", _TOKEN.sub("hf_***", text)))
    return text if len(text) <= 160 else text[:159] + "…"
