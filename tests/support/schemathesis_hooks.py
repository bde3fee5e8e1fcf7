"""What Schemathesis has to be told: our files are sent as they are."""

import schemathesis

schemathesis.serializer.alias(["application/zip", "application/x-ndjson"], "application/octet-stream")
