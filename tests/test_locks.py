"""The locks name every package that is needed, wherever the server runs, with the sums of its files.

After a change of `requirements*.ini`: `make lock`.
"""

import re
from importlib import metadata
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PARTS = ("requirements", "requirements-voice", "requirements-otel", "requirements-dev")
PLATFORMS = (("linux", "Linux", "x86_64"), ("linux", "Linux", "aarch64"), ("darwin", "Darwin", "arm64"),
             ("darwin", "Darwin", "x86_64"))  # fmt: skip
PYTHONS = ("3.11", "3.12", "3.13")
ENVIRONMENTS: list[dict[str, str]] = [
    {
        "sys_platform": system,
        "platform_system": name,
        "platform_machine": machine,
        "os_name": "posix",
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    for (system, name, machine), python in product(PLATFORMS, PYTHONS)
]

_SUM = re.compile(r"[0-9a-f]{64}")
NAMING = ("sys_platform", "platform_machine", "python_version")


def locked(part: str) -> dict[str, Requirement]:
    """The pins of a lock by name; every line of it has been looked at."""
    text = (ROOT / f"{part}.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    pins: dict[str, Requirement] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            pin, *sums = re.split(r"\s+--hash=sha256:", line.strip())
            assert sums and all(map(_SUM.fullmatch, sums)), f"{pin} has no sums"
            requirement = Requirement(pin)
            assert [each.operator for each in requirement.specifier] == ["=="]
            pins[canonicalize_name(requirement.name)] = requirement
    return pins


def wanted(part: str) -> list[Requirement]:
    """What a requirements file and those that it includes name."""
    lines = (ROOT / f"{part}.ini").read_text(encoding="utf-8").splitlines()
    names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    included = [line[3:].removesuffix(".ini") for line in names if line.startswith("-r ")]
    own = [Requirement(line) for line in names if not line.startswith(("-", "./"))]
    return [each for other in included for each in wanted(other)] + own


@pytest.mark.parametrize("part", PARTS)
def test_lock_has_what_is_required_in_a_version_that_fits(part: str):
    pins = locked(part)

    for requirement in wanted(part):
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin is not None, f"{requirement.name} is not locked: make lock"
        assert requirement.specifier.contains(next(iter(pin.specifier)).version), f"{pin}: make lock"


@pytest.mark.parametrize("part", PARTS)
def test_locks_agree_with_one_another(part: str):
    everything = locked("requirements-dev")

    assert {name: str(pin) for name, pin in locked(part).items()} == {
        name: str(everything[name]) for name in locked(part)
    }


def needs(name: str, extras: frozenset[str], environment: dict[str, str]) -> set[tuple[str, frozenset[str]]]:
    found = [Requirement(text) for text in metadata.requires(name) or []]
    return {
        (canonicalize_name(each.name), frozenset(each.extras))
        for each in found
        if each.marker is None
        or any(each.marker.evaluate(environment | {"extra": extra}) for extra in (extras or {""}))
    }


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda each: "-".join(each[key] for key in NAMING))
def test_lock_is_whole_on_every_system(part: str, environment: dict[str, str]):
    """By sums alone pip takes nothing that is not locked, be it needed by one system only."""
    pins = locked(part)
    to_see = {(canonicalize_name(each.name), frozenset(each.extras)) for each in wanted(part)
              if each.marker is None or each.marker.evaluate(environment)}  # fmt: skip
    seen: set[tuple[str, frozenset[str]]] = set()
    while to_see:
        name, extras = to_see.pop()
        seen.add((name, extras))
        assert name in pins, f"{name} is not locked"
        to_see |= needs(name, extras, environment) - seen


@pytest.mark.parametrize("part", PARTS)
def test_lock_names_no_place_to_take_packages_from(part: str):
    text = (ROOT / f"{part}.lock").read_text(encoding="utf-8")

    assert not re.search(r"://|--(index|extra|find|trusted|constraint|requirement)|^-\w", text, re.MULTILINE)
