"""What an installation may be given."""

from __future__ import annotations

import pytest

from adapters import SYSTEMS
from adapters.installation import Installation, faults_of

BASES = {("fake", "desk"), ("wise", "wise"), ("vubis", "iguana"), ("vubis", "vsmart")}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in SYSTEMS for name in SYSTEMS[kind].addresses])
@pytest.mark.parametrize("behind", ["?", "?db=1", "#", "path/#there"])
def test_what_is_put_behind_an_address_must_not_end_up_in_a_query(kind: str, name: str, behind: str) -> None:
    scheme = min(SYSTEMS[kind].addresses[name].schemes - {"fake"})
    given = Installation(system="S", addresses={name: f"{scheme}://there/{behind}"})
    found = [pointer for pointer, said in faults_of(SYSTEMS[kind], given) if "?" in said]
    assert found == ([f"/addresses/{name}"] if (kind, name) in BASES else [])


def test_a_desk_in_this_process_may_have_any_name() -> None:
    assert faults_of(SYSTEMS["fake"], Installation(system="S", addresses={"desk": "fake:who?"})) == []
