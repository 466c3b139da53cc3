"""The loudspeaker's side: sound of one turn, a count of what was played, ducking and dropping."""

import array

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
