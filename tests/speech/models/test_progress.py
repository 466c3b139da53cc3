import io

import pytest

from app.speech.models.progress import InstallStep, JsonLines, ProgressBar, step_of


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_step_survives_its_line_of_json() -> None:
    step = InstallStep("models", 0.42, "año.bin")

    assert step_of(step.to_json()) == step


@pytest.mark.parametrize("line", ["", "hello", "[]", "{}", '{"step":"x","progress":1,"detail":""}', "1"])
def test_line_that_is_no_step_is_left_out(line: str) -> None:
    assert step_of(line) is None


def test_program_hears_only_what_is_new() -> None:
    output = io.StringIO()
    lines = JsonLines(output)

    for progress in (0.101, 0.102, 0.11):
        lines.show(InstallStep("models", progress, "a"))

    assert len(output.getvalue().splitlines()) == 2


def test_bar_moves_in_one_line_of_a_terminal() -> None:
    output = Terminal()
    bar = ProgressBar(output)

    bar.show(InstallStep("models", 0.5, "kokoro"))
    bar.show(InstallStep("done", 1, "everything is there"))

    first, second = output.getvalue().split("\r")[1:]
    assert first.startswith("voice [############............]  50% kokoro")
    assert second.rstrip(" \n") == "voice: everything is there"
    assert output.getvalue().count("\n") == 1


def test_file_gets_a_line_for_each_new_thing() -> None:
    output = io.StringIO()
    bar = ProgressBar(output)

    for progress in (0.1, 0.2, 0.3):
        bar.show(InstallStep("models", progress, "a"))
    bar.show(InstallStep("failed", 0, "no network"))

    assert output.getvalue() == "voice: models: a\nvoice: no network\n"
