"""Reads XML from outside: no entities, no DTD, nothing fetched, bounded in size and depth."""

from __future__ import annotations

from lxml import etree

from adapters.contract import Malformed

LARGEST_BYTES = 16 * 2**20


def parse_xml(document: bytes, *, largest_bytes: int = LARGEST_BYTES) -> etree._Element:
    """Return the root of a document. Raises Malformed for what is not well-formed, too large, or has a DOCTYPE.

    lxml's own limits (256 levels deep, no text node above 10 MB) stay on: `huge_tree` is never set.
    """
    if len(document) > largest_bytes:
        raise Malformed(f"the document is larger than {largest_bytes} bytes")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise Malformed("the document is not well-formed XML") from error
    if root is None or root.getroottree().docinfo.internalDTD is not None:
        raise Malformed("the document declares a document type, which is not read")
    return root
