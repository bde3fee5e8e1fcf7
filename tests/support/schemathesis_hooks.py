"""What Schemathesis has to be told: our files and messages are sent as they are."""

import schemathesis

schemathesis.serializer.alias(
    ["application/zip", "application/x-ndjson", "application/x-protobuf", "application/xml", "text/xml"],
    "application/octet-stream",
)
