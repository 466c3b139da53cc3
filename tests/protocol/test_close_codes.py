"""The codes with which the server closes a connection."""

from app.protocol.close_codes import CloseCode


def test_codes_are_the_ones_that_clients_know():
    assert {code.name: code.value for code in CloseCode} == {
        "NORMAL": 1000,
        "GOING_AWAY": 1001,
        "POLICY": 1008,
        "INTERNAL": 1011,
        "RESTART": 1012,
        "TRY_LATER": 1013,
        "UNAUTHORIZED": 4401,
        "NO_FIRST_MESSAGE": 4408,
        "REPLACED": 4409,
        "ENDED": 4410,
    }


def test_names_fit_into_a_close_frame_as_its_reason():
    """RFC 6455 5.5: a control frame has 125 bytes, two of them for the code."""
    assert all(code.name.isascii() and len(code.name) <= 123 for code in CloseCode)
