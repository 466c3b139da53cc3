"""The loudspeaker's side: sound of one turn, a count of what was played, ducking and dropping."""

import array

import pytest

from app.cli.player import Player


def test_sound_is_pulled_in_order_and_filled_up_with_silence():
    player = Player()
    player.begin("t1", 1_000)
    player.feed(b"\1\1\2\2")
    player.feed(b"\3\3")

    assert [player.pull(4), player.pull(4), player.pull(2)] == [b"\1\1\2\2", b"\3\3\0\0", b"\0\0"]


def test_only_what_was_played_counts_from_the_place_where_it_began():
    player = Player()
    assert player.played() is None
    player.begin("t1", 1_000, offset_ms=500)
    player.feed(bytes(200))

    player.pull(100)
    assert player.played() == ("t1", 550)
    player.pull(1_000)
    assert player.played() == ("t1", 600)


@pytest.mark.parametrize(
    ("offset_ms", "rest"),
    [(100, b"\2\2\3\3"), (102, b"\2\2\3\3"), (99, b"\2\2"), (98, b""), (97, b""), (0, b"")],
)
def test_what_is_held_of_a_turn_up_to_the_place_where_it_goes_on_is_kept(offset_ms: float, rest: bytes):
    player = Player()
    player.begin("t1", 1_000, offset_ms=97)
    player.feed(b"\1\1\2\2\3\3")
    player.pull(2)

    player.begin("t1", 1_000, offset_ms=offset_ms)
    player.feed(b"\4\4")

    assert player.pull(8) == (rest + b"\4\4").ljust(8, b"\0")
    assert player.played() == ("t1", int(offset_ms) + 1)


def test_dropping_ends_a_turns_sound_and_no_others():
    player = Player()
    player.begin("t1", 1_000)
    player.feed(b"\1\1")
    player.drop("t0")
    assert player.pull(2) == b"\1\1"

    player.feed(b"\2\2")
    player.drop("t1")
    assert player.pull(2) == b"\0\0"


def test_a_ducked_voice_is_quieter_and_comes_back():
    player = Player()
    player.begin("t1", 1_000)
    player.feed(array.array("h", [4_000, -4_000, 4_000]).tobytes())

    player.duck(ducked=True)
    quiet = player.pull(4)
    player.duck(ducked=False)

    assert list(array.array("h", quiet)) == [1_000, -1_000]
    assert list(array.array("h", player.pull(2))) == [4_000]


def test_sound_before_any_turn_and_far_ahead_is_not_kept():
    player = Player()
    player.feed(b"\1\1")
    assert player.pull(2) == b"\0\0"

    player.begin("t1", 1)
    for _ in range(100):
        player.feed(bytes(100))
    assert player.played() == ("t1", 0)
    assert sum(len(player.pull(100).rstrip(b"\1")) for _ in range(3)) == 300
