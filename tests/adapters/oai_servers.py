"""OAI-PMH servers not written by us, from PyPI, over twelve records of our own; run with a Python that has them.

    python oai_servers.py pyoai|oai-repo     serves until its standard input ends, and prints its port first

It stands alone: nothing of Leenpad is imported, and nothing but these packages is needed.
"""
# mypy: ignore-errors
# The packages are not where the checks run.

from __future__ import annotations

import sys
import threading
import types
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlsplit

from lxml import etree

COUNT = 12
PAGE = 5
FIRST = datetime(2026, 3, 1, 12, 0, 0)  # noqa: DTZ001 - pyoai wants naive UTC
CATXML = "http://anet.example.org/catxml"


def identifier_of(number):
    """The identifier of a record by its number, from 1."""
    return f"c:lvd:{number}"


def stamp_of(number):
    """One record a day."""
    return FIRST + timedelta(days=number - 1)


def catxml_of(number):
    """A record, with a character beyond ASCII and one holding."""
    root = etree.Element("catxml")
    record = etree.SubElement(root, "catrecord", cloi=identifier_of(number))
    title = etree.SubElement(record, "ti")
    etree.SubElement(title, "ti").text = f"Één & ander, deel {number}"
    library = etree.SubElement(record, "library", {"is": "UA-CST"})
    etree.SubElement(library, "pk", ploi=f"p:lvd:{number}")
    return root


def matching(from_, until):
    """The numbers of records that were changed between two moments, both included."""
    return [
        number
        for number in range(1, COUNT + 1)
        if (from_ is None or stamp_of(number) >= from_) and (until is None or stamp_of(number) <= until)
    ]


def pyoai(base):
    """The server of pyoai; its fourth record is deleted."""
    cgi = types.ModuleType("cgi")  # it asks the standard library for what newer Pythons have elsewhere
    cgi.parse_qs = parse_qs
    sys.modules["cgi"] = cgi
    from oaipmh import common, error, metadata, server  # noqa: PLC0415

    class Records:
        def identify(self):
            return common.Identify(
                repositoryName="pyoai",
                baseURL=base,
                protocolVersion="2.0",
                adminEmails=["oai@example.org"],
                earliestDatestamp=FIRST,
                deletedRecord="persistent",
                granularity="YYYY-MM-DDThh:mm:ssZ",
                compression=["identity"],
            )

        def listRecords(self, metadataPrefix, set=None, from_=None, until=None, cursor=0, batch_size=PAGE):  # noqa: N802, N803
            found = matching(from_, until)
            if not found:
                raise error.NoRecordsMatchError("none")
            return [self._record(number) for number in found[cursor : cursor + batch_size]]

        def getRecord(self, metadataPrefix, identifier):  # noqa: N802, N803
            for number in range(1, COUNT + 1):
                if identifier_of(number) == identifier:
                    return self._record(number)
            raise error.IdDoesNotExistError(identifier)

        def _record(self, number):
            deleted = number == 4
            header = common.Header(None, identifier_of(number), stamp_of(number), [], deleted)
            return header, None if deleted else number, None

    registry = metadata.MetadataRegistry()
    registry.registerWriter("catxml", lambda element, number: element.append(catxml_of(number)))
    answering = server.BatchingServer(Records(), metadata_registry=registry, resumption_batch_size=PAGE)
    return lambda arguments: answering.handleRequest(arguments)


def oai_repo(base):
    """The server of oai-repo, which knows no deletions."""
    import oai_repo as package  # noqa: PLC0415

    form = "%Y-%m-%dT%H:%M:%SZ"
    told = package.Identify()
    told.repository_name, told.base_url, told.admin_email = "oai-repo", base, ["oai@example.org"]
    told.deleted_record, told.granularity = "no", "YYYY-MM-DDThh:mm:ssZ"
    told.earliest_datestamp = FIRST.strftime(form)

    class Records(package.DataInterface):
        limit = PAGE

        def get_identify(self):
            return told

        def is_valid_identifier(self, identifier):
            return identifier in map(identifier_of, range(1, COUNT + 1))

        def get_metadata_formats(self, identifier=None):
            return [package.MetadataFormat("catxml", CATXML + ".xsd", CATXML)]

        def get_record_header(self, identifier):
            header = package.RecordHeader()
            header.identifier = identifier
            header.datestamp = stamp_of(int(identifier.rsplit(":", 1)[1])).strftime(form)
            return header

        def get_record_metadata(self, identifier, metadataprefix):
            return catxml_of(int(identifier.rsplit(":", 1)[1]))

        def get_record_abouts(self, identifier):
            return []

        def list_identifiers(self, metadataprefix, filter_from=None, filter_until=None, filter_set=None, cursor=0):
            bounds = [moment and moment.replace(tzinfo=None) for moment in (filter_from, filter_until)]
            found = [identifier_of(number) for number in matching(*bounds)]
            return found[cursor : cursor + PAGE], len(found), None

    repository = package.OAIRepository(Records())
    return lambda arguments: bytes(repository.process(arguments))


SERVERS = {"pyoai": pyoai, "oai-repo": oai_repo}


def main():
    """Serve until standard input ends."""
    listening = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    port = listening.server_address[1]
    process = SERVERS[sys.argv[1]](f"http://127.0.0.1:{port}/oai")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = process(dict(parse_qsl(urlsplit(self.path).query)))
            body = body if isinstance(body, bytes) else body.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/xml; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    listening.RequestHandlerClass = Handler
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    print(port, flush=True)  # noqa: T201 - this is how the test learns it
    sys.stdin.read()


if __name__ == "__main__":
    main()
