"""License identifiers that the Hub takes in a card's metadata; it refuses a commit whose card has another.

From the Hub's documentation, docs/hub/repositories-licenses.md of huggingface/hub-docs.
"""

import re

from trials.errors import nearest

_LINES = (
    "apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0",
    "bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc",
    "cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0",
    "cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0",
    "cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1",
    "eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0 odc-by odbl",
    "openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr deepfloyd-if-license apple-ascl",
    "apple-amlr fair-noncommercial-research-license h-research intel-research open-mdw llama2 llama3 llama3.1",
    "llama3.2 llama3.3 llama4 grok2-community gemma unknown other",
)
KNOWN = frozenset(name for line in _LINES for name in line.split())
LIST = "https://huggingface.co/docs/hub/repositories-licenses"


def wrong(license: object) -> str:
    """Why the Hub would not take a license, with the nearest that it takes; empty where it would."""
    every = license if isinstance(license, list) and license else [license]
    bad = [one for one in every if not isinstance(one, str) or one not in KNOWN]
    if not bad:
        return ""
    plain = "-".join(str(bad[0]).lower().replace("license", "").replace("_", "-").split())
    near = nearest(re.sub(r"(?<=[a-z])-?v?(?=\d)", "-", plain), KNOWN)  # GPLv3: gpl-3
    return f"{bad[0]!r}, which is no identifier of the Hub's; " + (f"did you mean {near}?" if near else "see its list")
