"""How far an installation is: one line of JSON for a program, a bar for a person."""

import json
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TextIO

StepName = Literal["packages", "models", "done", "failed"]

_NAMES: Final = frozenset({"packages", "models", "done", "failed"})
_BAR_WIDTH: Final = 24
_LINE_WIDTH: Final = 76


@dataclass(frozen=True, slots=True)
class InstallStep:
    """One thing that happened.

    Attributes:
        progress: Of the whole, 0 to 1.
        detail: What is being brought, or why it failed.
    """

    name: StepName
    progress: float
    detail: str = ""

    def to_json(self) -> str:
        """One line, without its end."""
        fields = {"step": self.name, "progress": round(self.progress, 3), "detail": self.detail}
        return json.dumps(fields, ensure_ascii=False)


def step_of(line: str) -> InstallStep | None:
    """Read what `to_json` wrote; nothing where the line is something else."""
    try:
        fields = json.loads(line)
        name, progress, detail = fields["step"], float(fields["progress"]), str(fields["detail"])
    except (ValueError, KeyError, TypeError):
        return None
    return InstallStep(name, progress, detail) if name in _NAMES else None


class Reporter(Protocol):
    """Shows steps to somebody."""

    def show(self, step: InstallStep) -> None:
        """Show one; the last of an installation is `done` or `failed`."""
        ...


class JsonLines:
    """A line of JSON for each step, whenever something is new."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._last = ""

    def show(self, step: InstallStep) -> None:
        """Write the step, unless it is the same as the last one."""
        line = InstallStep(step.name, round(step.progress, 2), step.detail).to_json()
        if line != self._last:
            self._last = line
            self._output.write(line + "\n")
            self._output.flush()


class ProgressBar:
    """A bar that moves on a terminal; elsewhere, a line for each new thing."""

    def __init__(self, output: TextIO, title: str = "voice") -> None:
        self._output = output
        self._title = title
        self._moves = output.isatty()
        self._last = ""

    def show(self, step: InstallStep) -> None:
        """Draw the step."""
        if step.name in ("done", "failed"):
            ending = step.detail or step.name
            self._write(
                f"\r{self._title}: {ending}".ljust(_LINE_WIDTH) + "\n" if self._moves else f"{ending}\n"
            )
        elif self._moves:
            filled = round(step.progress * _BAR_WIDTH)
            bar = "#" * filled + "." * (_BAR_WIDTH - filled)
            text = f"{self._title} [{bar}] {step.progress:4.0%} {step.detail}"
            self._write("\r" + text[:_LINE_WIDTH].ljust(_LINE_WIDTH))
        else:
            self._write(f"{step.name}: {step.detail}\n")

    def _write(self, text: str) -> None:
        if not self._moves:
            text = f"{self._title}: {text}"
        if text != self._last:
            self._last = text
            self._output.write(text)
            self._output.flush()
