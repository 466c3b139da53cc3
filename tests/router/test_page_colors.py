"""One colour makes a page that can be read."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.router.page import STATIC
from app.router.page_colors import GROUNDS, contrast, page_colors


@given(st.integers(0, 0xFFFFFF))
def test_whatever_is_chosen_can_be_read(value: int) -> None:
    colors = page_colors(f"#{value:06x}")

    for scheme, shades in (("light", colors.light), ("dark", colors.dark)):
        for ground in (*GROUNDS[scheme], shades.accent_soft):
            assert contrast(shades.accent, ground) >= 4.5
        assert contrast(shades.on_bubble, shades.bubble) >= 4.5
        assert contrast(shades.on_bubble, shades.bubble_hover) >= 4.5


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21), ("#777777", "#ffffff", 4.48), ("#123456", "#123456", 1)],
)
def test_contrast_is_that_of_the_guidelines(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)
    assert contrast(other, one) == contrast(one, other)


def test_a_colour_that_can_be_read_stays_as_it_is() -> None:
    colors = page_colors("#4150bf")

    assert colors.light.accent == colors.light.bubble == colors.dark.bubble == "#4150bf"
    assert colors.dark.accent != "#4150bf"


def test_letters_on_yellow_are_black() -> None:
    assert page_colors("#ffd400").light.on_bubble == "#000000"
    assert page_colors("#ffd400").light.bubble == "#ffd400"


def test_grounds_are_those_of_the_page() -> None:
    theme = (STATIC / "theme.css").read_text(encoding="utf-8")
    color = "(#[0-9a-f]{6})"
    named = re.findall(rf"--(?:ground|surface|raised): light-dark\({color}, {color}\);", theme)

    assert len(named) == 3
    for scheme, colors in zip(("light", "dark"), zip(*named, strict=True), strict=True):
        assert set(colors) == set(GROUNDS[scheme])
