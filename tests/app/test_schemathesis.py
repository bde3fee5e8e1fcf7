"""Schemathesis reads the OpenAPI document and tries every operation, with what fits it and with what does not.

No status 5xx, none that is not documented, every answer as its schema says, bad input refused, no way in keyless.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from app.api.decision_shapes import QUESTIONS
from app.main import create_app
from app.settings import Settings
from tests.support.filled import fill, run_sql
from tests.support.hung import Watch
from tests.support.serving import listening_for
from tests.support.thorough import draws

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
ADMIN_KEY = "only-for-this-test"
SECRETS_KEY = "bGVlbnBhZC10ZXN0cy1sZWVucGFkLXRlc3RzLWFiY2Q="  # Fernet: 32 bytes in URL-safe base64
EXAMPLES_PER_OPERATION = draws(3, thorough=8)
PATIENCE_SECONDS = 60  # on a machine that has other things to do
# Undoing is one of the operations: so many activations that a network is active whatever is tried.
ACTIVATE_OFTEN = "insert into network_activation (version) select 1 + n % 2 from generate_series(1, 5000) n"
_EXAMPLE = QUESTIONS["short"]["value"]
HOLD_WHAT_THE_EXAMPLES_ASK_FOR = f"""
insert into location (id, name, agency) values ('{_EXAMPLE["pickup_location"]}', 'Counter of the examples', 'NL-1');
insert into title_isbn (isbn, title_id) values ('{_EXAMPLE["title"]["isbn"]}', 1);
insert into holding (title_id, location, material, copies, loanable)
    values (1, '{_EXAMPLE["pickup_location"]}', 'book', 1, true);
"""
# All checks but these.
CONFIGURATION = """
[checks]
# What no schema can say: opaque cursors, check digits, the columns of a file, one of two parameters.
positive_data_acceptance.enabled = false

[[operations]]
include-path-regex = "^/v1/imports/"
# Any bytes are a file: what is wrong in it is said in the report.
checks.negative_data_rejection.enabled = false

[[operations]]
include-path = "/iso18626"
# Any bytes are a message: what is wrong with it is said in its confirmation.
checks.negative_data_rejection.enabled = false

[[operations]]
include-path-regex = "^/v1/systems/{id}/"
# What ends like this may be the id of a system too: other methods meet the operations on that.
checks.unsupported_method.enabled = false
checks.allow_header_conformance.enabled = false

[[operations]]
# A stream has no end.
include-path = "/v1/events"
enabled = false
"""


async def test_whatever_is_tried_is_answered_as_documented(database_url: str, tmp_path: Path) -> None:
    await fill(database_url)
    await run_sql(database_url, ACTIVATE_OFTEN)
    await run_sql(database_url, HOLD_WHAT_THE_EXAMPLES_ASK_FOR)
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    settings = Settings(database_url=database_url, admin_key=ADMIN_KEY, secrets_key=SECRETS_KEY)  # type: ignore[arg-type]
    app = create_app(settings)
    watch = Watch(app)
    async with (
        listening_for(watch) as url,
        watch.telling(database_url, after_seconds=PATIENCE_SECONDS / 3) as hung,
    ):
        program = await asyncio.create_subprocess_exec(
            Path(sys.executable).parent / "schemathesis",
            "run",
            f"{url}/openapi.json",
            "--phases=examples,coverage,fuzzing",
            f"--max-examples={EXAMPLES_PER_OPERATION}",
            f"--request-timeout={PATIENCE_SECONDS}",
            "--generation-deterministic",
            "--no-shrink",
            "--no-color",
            "--continue-on-failure",
            f"--header=Authorization: Bearer {ADMIN_KEY}",
            cwd=tmp_path,
            env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.support.schemathesis_hooks", "PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await program.communicate()
    assert program.returncode == 0, "\n".join([said.decode(errors="replace"), *hung])
