"""What the process listens on is found, whoever has opened it."""

import os
import socket

import pytest

from app.listening import listening_hosts


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # looked for, for a moment
def test_listening_socket_is_found_by_its_port(host: str) -> None:
    with socket.create_server((host, 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            found = listening_hosts(port)
        assert listening_hosts(port + 1) == set()
        assert listener.fileno() > 0

    assert found == {host}
    assert listening_hosts(port) == set()


def test_what_does_not_listen_is_not_found() -> None:
    with socket.socket() as bound, socket.socket(type=socket.SOCK_DGRAM) as other:
        bound.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", bound.getsockname()[1]))

        assert listening_hosts(bound.getsockname()[1]) == set()


def test_looking_leaves_each_descriptor_as_it_is() -> None:
    reader, writer = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        before = os.listdir("/proc/self/fd")
        listening_hosts(listener.getsockname()[1])

        assert os.listdir("/proc/self/fd") == before
        with socket.create_connection(listener.getsockname()):
            listener.accept()[0].close()
    os.close(reader)
    os.close(writer)
