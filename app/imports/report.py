"""What an import did: how many rows, what became of them, and which ones were refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

MAX_REJECTS = 100


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that did not land: the line it starts on (the header is line 1), the field at fault (None: the
    row as a whole) and why. `file` names the file inside an archive.
    """

    line: int | None
    field: str | None
    reason: str
    file: str | None = None

    def document(self) -> dict[str, Any]:
        """Return it as docs/data.md describes it."""
        written: dict[str, Any] = {"line": self.line, "field": self.field, "reason": self.reason}
        return written if self.file is None else {"file": self.file, **written}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """Counts of data rows: read = created + updated + unchanged + rejected.

    `superseded` are the unchanged rows that a later line of the same file spoke over. `removed` counts records
    that were taken away. `rejects` holds the first hundred. `version` and `activated` are a network's.
    """

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    rejected: int = 0
    superseded: int = 0
    rejects: tuple[Reject, ...] = ()
    notes: tuple[str, ...] = ()
    version: str | None = None
    activated: bool | None = None

    def with_rejects(self, rejected: int, rejects: Sequence[Reject]) -> ImportReport:
        """Add rows that were refused later, keeping the first hundred by line."""
        every = sorted((*self.rejects, *rejects), key=lambda reject: reject.line or 0)
        return replace(self, rejected=self.rejected + rejected, rejects=tuple(every[:MAX_REJECTS]))

    def outcomes(self) -> dict[str, int]:
        """Return what became of the rows, for the metrics."""
        return {
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "rejected": self.rejected,
        }

    def document(self) -> dict[str, Any]:
        """Return it as docs/data.md describes it."""
        written: dict[str, Any] = {
            "read": self.read,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "rejected": self.rejected,
            "superseded": self.superseded,
            "rejects": [reject.document() for reject in self.rejects],
            "notes": list(self.notes),
        }
        if self.version is not None:
            written |= {"version": self.version, "activated": bool(self.activated)}
        return written


class UnreadableFile(Exception):  # noqa: N818 - named as the problem it becomes
    """The file as a whole is not what the import takes: empty, no header, a wrong separator."""


class RowsRejected(Exception):  # noqa: N818
    """A strict import met rows that it would have refused; nothing landed."""

    def __init__(self, report: ImportReport) -> None:
        super().__init__(
            f"{report.rejected} of {report.read} rows are not valid, and the import was asked to be strict: "
            "nothing was changed."
        )
        self.report = report
        self.members = report.document()
        self.faults = tuple(_pointed(reject) for reject in report.rejects)


@dataclass(frozen=True, slots=True)
class PointedRow:
    """A rejected row as a problem document points at it: /line/field."""

    pointer: str
    detail: str


def _pointed(reject: Reject) -> PointedRow:
    if reject.field is None:
        return PointedRow(f"/{reject.line}", f"line {reject.line}: {reject.reason}.")
    return PointedRow(f"/{reject.line}/{reject.field}", f"line {reject.line}, {reject.field}: {reject.reason}.")


class ImportTooSlow(Exception):  # noqa: N818
    """The import took longer than it may; nothing landed."""
