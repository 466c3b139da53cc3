"""An ending has an exit code and a sentence, put into words when the language is known."""

from app.cli.cli_error import CliError, Exit, NestedMessage


def test_a_part_is_put_into_the_same_language():
    ending = CliError(
        Exit.UNREACHABLE, "unreachable", url="ws://x", reason=NestedMessage("http_status", status=503)
    )

    assert ending.sentence("es") == "No puedo conectar con ws://x: responde con HTTP 503."
    assert ending.sentence("en") == "I cannot connect to ws://x: it answers with HTTP 503."


def test_exit_codes_are_all_different():
    assert len({int(code) for code in Exit}) == len(Exit)
