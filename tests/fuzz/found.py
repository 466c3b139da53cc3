"""Talks that once broke something; each is held again before any other is drawn."""

from tests.fuzz.messages import DrawnTalk, Leave, Send

FOUND = [
    # A type that is no text.
    *(
        DrawnTalk(p, True, (Send({"type": {}}), Send({"type": []}), Send({"type": [{}]})))
        for p in ("v1", "v2")
    ),
    # A call that nobody allows, and one whose session ends while it waits: they must be in the database.
    DrawnTalk("v2", True, (Send({"type": "text", "content": "herramienta"}), Leave("drop"))),
    DrawnTalk("v1", True, (Send({"type": "text", "content": "herramienta"}),)),
    # A client that speaks first of what it may not, drops, and comes again with nothing to resume.
    DrawnTalk(
        "v2",
        False,
        (Send({"type": "resume", "session_id": "x", "resume_token": "", "last_seq": 0}), Leave("drop")),
    ),
]
