"""The colours of the page that follow from one that an operator chose, readable wherever they are used.

Contrast is that of WCAG 2.2 (1.4.3): 4.5 : 1 for text. A colour that has less on a ground is moved towards
black or white, in steps, until it has it; what was chosen stays where it can.
"""

from typing import Final, Literal

from pydantic import BaseModel

Rgb = tuple[float, float, float]

LEAST_CONTRAST: Final = 4.5

_BLACK: Final[Rgb] = (0.0, 0.0, 0.0)
_WHITE: Final[Rgb] = (1.0, 1.0, 1.0)
_STEPS: Final = 64

GROUNDS: Final = {
    "light": ("#f4f5f9", "#ffffff"),
    "dark": ("#111319", "#171a21", "#1e222b"),
}
"""What text of the accent stands on, in `theme.css`."""

_SOFT: Final = {"light": 0.1, "dark": 0.28}
"""How much of the colour is in the ground of a button that the pointer is on."""


class Shades(BaseModel):
    """The colours of one scheme, as `#rrggbb`."""

    accent: str
    accent_soft: str
    bubble: str
    bubble_hover: str
    on_bubble: str


class PageColors(BaseModel):
    """Both schemes."""

    light: Shades
    dark: Shades


def page_colors(color: str) -> PageColors:
    """Return the colours that follow from one, which is written `#rrggbb`."""
    return PageColors(light=_shades(color, "light"), dark=_shades(color, "dark"))


def stylesheet(colors: PageColors) -> str:
    """Return what gives a page without scripts these colours, beside `theme.css`."""
    dark = colors.dark.model_dump()
    lines = [
        f"  --{name.replace('_', '-')}: light-dark({light}, {dark[name]});"
        for name, light in colors.light.model_dump().items()
    ]
    return "\n".join([":root {", *lines, "}", ""])


def contrast(one: str, other: str) -> float:
    """Return how well one colour is told from the other, from 1 to 21."""
    return _contrast(_read(one), _read(other))


def _shades(color: str, scheme: Literal["light", "dark"]) -> Shades:
    chosen = _read(color)
    grounds = [_read(ground) for ground in GROUNDS[scheme]]
    soft = _rounded(_mixed(grounds[-1], chosen, _SOFT[scheme]))
    accent = _moved(chosen, _BLACK if scheme == "light" else _WHITE, [*grounds, soft])
    letters, away = (_WHITE, _BLACK) if _contrast(chosen, _WHITE) >= 3 else (_BLACK, _WHITE)
    bubble = _moved(chosen, away, [letters])
    return Shades(
        accent=_written(accent),
        accent_soft=_written(soft),
        bubble=_written(bubble),
        bubble_hover=_written(_mixed(bubble, away, 0.14)),
        on_bubble=_written(letters),
    )


def _moved(color: Rgb, target: Rgb, grounds: list[Rgb]) -> Rgb:
    """Return the colour as it is, or as much nearer to the target as all grounds want."""
    for step in range(_STEPS):
        tried = _rounded(_mixed(color, target, step / _STEPS))
        if all(_contrast(tried, ground) >= LEAST_CONTRAST for ground in grounds):
            return tried
    return target


def _contrast(one: Rgb, other: Rgb) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: Rgb) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mixed(color: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (a + (b - a) * share for a, b in zip(color, other, strict=True))
    return red, green, blue


def _read(color: str) -> Rgb:
    red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _rounded(color: Rgb) -> Rgb:
    """Return what the colour is once it is written."""
    return _read(_written(color))


def _written(color: Rgb) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in color)
