"""The client's books: where it is in the talk, what it may show, and what it has to send again."""

from app.cli.ledger import Ledger

CREATED = {"type": "session_created", "session_id": "s1", "resume_token": "a", "heartbeat_s": 7, "seq": 1}


def met() -> Ledger:
    ledger = Ledger({"user_id": "ana"})
    ledger.is_repeat(CREATED)
    ledger.creates(CREATED)
    return ledger


def test_a_client_starts_first_and_resumes_later():
    ledger = Ledger({"user_id": "ana"})
    assert ledger.opening() == {"type": "start", "user_id": "ana"}

    ledger.is_repeat(CREATED)
    assert ledger.creates(CREATED) is False

    assert ledger.opening() == {"type": "resume", "session_id": "s1", "resume_token": "a", "last_seq": 1}
    assert ledger.heartbeat_s == 7


def test_a_number_that_was_here_before_is_a_repeat():
    ledger = met()

    assert [ledger.is_repeat({"type": "state", "seq": seq}) for seq in (2, 3, 3, 2, 4)] == [
        False,
        False,
        True,
        True,
        False,
    ]
    assert ledger.is_repeat({"type": "pong"}) is False


def test_a_text_is_kept_until_its_receipt_or_its_refusal():
    ledger = met()
    texts = [ledger.text(content) for content in ("uno", "dos", "tres")]
    assert len({text["id"] for text in texts}) == 3

    ledger.notes({"type": "message_accepted", "id": texts[0]["id"], "turn_id": "t"})
    ledger.notes({"type": "error", "code": "queue_full", "id": texts[1]["id"]})

    assert ledger.unreceipted == [texts[2]]


def test_after_a_gap_the_count_goes_on_when_the_history_has_come():
    ledger = met()
    ledger.resumes({"resume_token": "b", "gap": True, "next_seq": 40})
    assert ledger.opening()["last_seq"] == 1

    ledger.notes({"type": "history", "messages": [], "turn": None, "tools": []})

    assert ledger.opening() == {"type": "resume", "session_id": "s1", "resume_token": "b", "last_seq": 39}


def test_a_count_that_begins_again_after_a_restart_is_followed():
    ledger = met()
    for seq in range(2, 20):
        ledger.is_repeat({"type": "state", "seq": seq})
    ledger.resumes({"resume_token": "b", "gap": True, "next_seq": 1})
    ledger.notes({"type": "history", "messages": [], "turn": None, "tools": []})

    assert ledger.is_repeat({"type": "state", "seq": 1}) is False


def test_where_the_session_is_gone_it_starts_anew_and_says_so_once():
    ledger = met()
    text = ledger.text("hola")
    ledger.forgets()
    assert ledger.opening() == {"type": "start", "user_id": "ana"}
    assert ledger.unreceipted == [text]

    assert ledger.creates(CREATED) is True
    assert ledger.creates(CREATED) is False


def test_the_servers_wish_for_a_delay_is_granted_once_within_a_minute():
    ledger = met()
    ledger.notes({"type": "going_away", "reason": "restart", "reconnect_after_s": 3})
    assert (ledger.takes_asked_delay_s(), ledger.takes_asked_delay_s()) == (3, None)

    ledger.notes({"type": "going_away", "reason": "restart", "reconnect_after_s": 1e9})
    assert ledger.takes_asked_delay_s() == 60


def test_texts_that_the_server_cannot_read_are_given_up():
    ledger = met()
    text = ledger.text("hola")

    assert ledger.drops_texts() == [text["id"]]
    assert ledger.unreceipted == []
