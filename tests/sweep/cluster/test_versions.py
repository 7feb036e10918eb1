"""What two machines of one sweep must have alike, and how a difference is named."""

import pytest

from sweep.cluster.versions import PRODUCT, difference, installed


def test_this_machine_is_like_itself() -> None:
    here = installed()
    assert difference(here, dict(here)) == ""
    assert here["environment"].startswith("soccer-") and "+" not in here["torch"] and len(here["code"]) == 12


@pytest.mark.parametrize("name", [PRODUCT, "environment", "ladder", "python", "mlagents", "torch", "numpy"])
def test_a_difference_is_named(name: str) -> None:
    here = installed()
    assert difference(here, here | {name: "0.0.0"}) == f"{name} 0.0.0 in place of {here[name]}"
    assert "not there" in difference(here, {key: value for key, value in here.items() if key != name})


def test_another_build_of_one_version_is_named_and_a_version_says_more() -> None:
    here = installed()
    assert difference(here, here | {"code": "0" * 12}) == (
        f"another build of {PRODUCT} {here[PRODUCT]} (000000000000 in place of {here['code']})"
    )
    assert "code" not in difference(here, here | {"code": "0" * 12, "environment": "soccer-9"})
