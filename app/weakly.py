"""Calls back without holding on: what refers to itself in a circle stays until garbage is collected."""

import weakref
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def weakly(method: Callable[[T], None]) -> Callable[[T], None]:
    """Return the same bound method, for what its object owns; once the object is gone, nothing is called."""
    weak = weakref.WeakMethod(method)

    def call(argument: T) -> None:
        found = weak()
        if found is not None:
            found(argument)

    return call
