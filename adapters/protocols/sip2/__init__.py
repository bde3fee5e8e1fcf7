"""SIP2 (3M Standard Interchange Protocol 2.00): a client with a pool of connections, and the placing verbs on it."""

from adapters.protocols.sip2.client import Sip2
from adapters.protocols.sip2.lending import Sip2Lending
from adapters.protocols.sip2.words import Sip2Hold, Sip2Item, Sip2Loan, Sip2Patron, Sip2Return

__all__ = ["Sip2", "Sip2Hold", "Sip2Item", "Sip2Lending", "Sip2Loan", "Sip2Patron", "Sip2Return"]
