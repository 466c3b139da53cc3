"""A callback that holds nobody."""

from app.weakly import weakly


class Owner:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def hear(self, word: str) -> None:
        self.heard.append(word)


def test_it_is_called_as_long_as_somebody_holds_its_owner() -> None:
    owner = Owner()
    call = weakly(owner.hear)
    call("a")
    heard = owner.heard
    del owner
    call("b")

    assert heard == ["a"]
