"""The command line: its defaults, addresses as people write them, and what does not go together."""

from pathlib import Path

import pytest

from app.cli.options import DEFAULT_URL, Options, parse


def test_without_options_it_talks_by_text_with_the_server_of_this_machine():
    assert parse([]) == Options(url=DEFAULT_URL)
    assert parse([]).client() == {"locale": "es"}


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("localhost:9000", "ws://localhost:9000/ws"),
        ("http://host/", "ws://host/ws"),
        ("https://host", "wss://host/ws"),
        ("wss://host:1/talk?a=b", "wss://host:1/talk?a=b"),
    ],
)
def test_a_pages_address_is_as_good_as_a_sockets(given: str, address: str):
    assert parse(["--url", given]).url == address


@pytest.mark.parametrize(
    "arguments",
    [
        ["--url", "ftp://host"],
        ["--url", "ws://host:99999"],
        ["--voice", "--wav", "a.wav"],
        ["--out", "b.wav"],
        ["--fast"],
        ["--turns", "auto"],
        ["--locale", "fr"],
        ["--timeout", "0"],
        ["--timeout", "nan"],
        ["--token-file", "/nowhere/at/all"],
        ["hola"],
    ],
)
def test_wrong_options_end_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        parse(arguments)

    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_help_shows_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        parse(["--help"])

    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(part in shown for part in ("--wav", "--token-file", "examples:", "exit codes:"))


def test_the_first_message_has_what_was_given(tmp_path: Path):
    file = tmp_path / "token"
    file.write_text("secret\n")
    options = parse(["--user", "ana", "--locale", "en", "--token-file", str(file), "--speaker", "af_heart"])

    assert options.client({"out": True}) == {
        "user_id": "ana",
        "locale": "en",
        "token": "secret",
        "voice": "af_heart",
        "audio": {"out": True},
    }
