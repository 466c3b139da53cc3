"""Room for messages that are being received, shared out among addresses."""

import pytest

from app.router.large_messages import MODEST_BYTES, ROOM_BYTES, LargeMessages

MIB = 1024 * 1024
ATTACKERS = ("203.0.113.1", "203.0.113.2")


class Receiver:
    """A connection, and whether it may read."""

    def __init__(self, room: LargeMessages, size: int, address: str) -> None:
        self._room = room
        self.may_read = room.ask(self, size, address)

    def has_room(self) -> None:
        self.may_read = True

    def ends(self) -> None:
        self._room.give_back(self)


@pytest.mark.parametrize(
    ("size", "address", "may_read"),
    [
        (100_000, "203.0.113.3", True),
        (MODEST_BYTES, "203.0.113.3", True),
        (MODEST_BYTES + 1, "203.0.113.3", False),
        (100_000, ATTACKERS[0], False),
        (100_000, "2001:db8::1", True),
    ],
)
def test_two_addresses_that_hold_all_keep_no_modest_message_out(
    size: int, address: str, may_read: bool
) -> None:
    room = LargeMessages(MIB)
    for number in range(100):
        Receiver(room, MIB, ATTACKERS[number % 2])

    assert Receiver(room, size, address).may_read is may_read


def test_the_reserve_has_an_end_and_whoever_waits_gets_what_is_given_back() -> None:
    room = LargeMessages(MIB)
    held = [Receiver(room, MIB, f"203.0.113.{number}") for number in range(2 * ROOM_BYTES // MIB)]
    late = Receiver(room, MIB, "198.51.100.1")

    assert all(receiver.may_read for receiver in held)
    assert not late.may_read
    held[0].ends()
    assert late.may_read
