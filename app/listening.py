"""The addresses on which this process listens, whoever has opened them."""

import os
import socket
import stat
from contextlib import suppress
from typing import Final

_FOLDERS: Final = ("/proc/self/fd", "/dev/fd")


def listening_hosts(port: int) -> set[str]:
    """Return the hosts on which the process takes TCP connections at a port; empty where nobody can tell."""
    hosts: set[str] = set()
    for number in _open_files():
        with suppress(OSError):
            hosts |= _host_of(number, port)
    return hosts


def _open_files() -> list[int]:
    for folder in _FOLDERS:
        with suppress(OSError):
            return [int(name) for name in os.listdir(folder) if name.isdigit()]
    return []


def _host_of(number: int, port: int) -> set[str]:
    if not stat.S_ISSOCK(os.fstat(number).st_mode):
        return set()
    view = socket.socket(fileno=number)
    try:
        if view.family not in (socket.AF_INET, socket.AF_INET6) or view.type != socket.SOCK_STREAM:
            return set()
        if not view.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return set()
        host, bound, *_ = view.getsockname()
        return {host} if bound == port else set()
    finally:
        view.detach()  # it is another's: let it stay open
