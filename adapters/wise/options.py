"""What an installation of Wise can be given."""

from __future__ import annotations

from adapters.installation import Entry

ADDRESSES = {
    "wise": Entry("Where Wise is, such as https://NAME.hostedwise.nl.", default=None, base=True),
    "holdings": Entry("A file of holdings over HTTP, with the columns that holdings are imported by."),
}
SECRETS = {
    "api_id": Entry("The application's id, given by OCLC.", default=None, pattern=r"[!-~]{1,200}"),
    "api_key": Entry("The application's key on this installation, given by OCLC.", default=None, pattern=r".{1,500}"),
    "application": Entry("The application's name, given by OCLC.", default=None, pattern=r".{1,200}"),
    "username": Entry("The patron in whose name holds are placed; without one, none are."),
    "password": Entry("The patron's password."),
}
OPTIONS = {
    "branch": Entry("The branch from which the catalogue is seen, by its number.", default=None, pattern=r"\w{1,20}"),
    "branch_groups": Entry("Which groups of branches are asked for items.", "0 1 2", pattern=r"[012]( [012]){0,2}"),
    "client_type": Entry("As whom items are asked for.", "I", pattern="I|PUBLIC"),
    "search_in": Entry("The index in which ISBN and PPN are searched.", "iets", pattern=r"[\w-]{1,40}"),
    "ppn_field": Entry("The field of a search result that holds the PPN.", "ppn", pattern=r"[\w -]{1,40}"),
    "hold_at": Entry(
        "Where the copy is to lie ready: at the branch that has it, or at the pickup location where Wise serves it.",
        "supplying",
        pattern="supplying|pickup",
    ),
    "timezone": Entry("Whose midnight ends a token.", "Europe/Amsterdam", pattern=r"[A-Za-z_]+(/[A-Za-z_+-]+){0,2}"),
    "login_path": Entry(
        "The path that logs a patron in.", "/restapi/patron/authentication", pattern=r"/[\w/.-]{1,100}"
    ),
    "prepare_path": Entry(
        "The path that prepares a hold. The documentation also writes libraryId and prepareHold.",
        "/restapi/patron/{patron}/library/{library}/preparehold/{title}/branch/{branch}",
        pattern=r"(?=.*\{patron\})(?=.*\{title\})(?=.*\{branch\})/[\w/{}.-]{1,200}",
    ),
    "hold_path": Entry(
        "The path of a patron's holds.",
        "/restapi/patron/{patron}/library/{library}/hold",
        pattern=r"(?=.*\{patron\})/[\w/{}.-]{1,200}",
    ),
}
