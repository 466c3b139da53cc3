"""The verdict: what a soak promises, what was seen of it, and the table of both."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.soak.holding import Seen
from tests.soak.memory import growth_between, slope_of

MAX_CPU_MS = 250
"""A loop whose own thread reckons for longer at a stretch is felt in every talk."""

BROKEN = (
    "messages lost",
    "messages doubled",
    "turns without an ending",
    "results told other than once",
    "other promises broken",
)


@dataclass(frozen=True)
class Check:
    """One promise; `figure` is what was seen."""

    name: str
    figure: str
    is_kept: bool


def checks(seen: Seen) -> list[Check]:
    """What is checked of one part."""
    counted = [Check(name, str(n := seen.counts.wrong[name]), n == 0) for name in BROKEN]
    before, after = map(Counter, seen.tasks)
    left = after - before
    own = own_stalls(seen)
    invalid = seen.upstream["invalid"]
    return [
        *counted,
        Check("invalid requests upstream", str(invalid), invalid == 0),
        Check("sessions left", str(seen.left), seen.left == 0),
        Check("tasks left", f"{left.total()} {dict(left) if left else ''}".strip(), not left),
        live_memory(seen),
        _memory(seen),
        Check(f"stalls of over {MAX_CPU_MS} ms of the loop's own CPU", str(len(own)), not own),
        Check("bugs in the log", str(len(seen.errors)), not seen.errors),
        Check("talks held", str(seen.counts.seen["talks"]), seen.counts.seen["talks"] >= seen.sessions),
    ]


def own_stalls(seen: Seen) -> list[dict[str, Any]]:
    """Stalls that the loop itself has spent, rather than waited for a processor."""
    return [stall for stall in seen.stalls if stall["cpu_ms"] is None or stall["cpu_ms"] > MAX_CPU_MS]


def live_memory(seen: Seen) -> Check:
    """Whether sessions leave something behind that is in use when nobody is there."""
    name, growth = "left alive by each session after warm-up", growth_between(seen.live)
    if growth is None:
        return Check(name, "not measured: too few", is_kept=True)
    alive = seen.live[-1][1]
    figure = (
        f"{growth.blocks:+.2f} blocks, {growth.large_bytes:+.0f} bytes of malloc's"
        f" ({growth.sessions} sessions; {alive.blocks} blocks, {alive.large_bytes / 2**20:.1f} MiB)"
    )
    return Check(name, figure, growth.is_none)


def _memory(seen: Seen) -> Check:
    slope = slope_of(seen.resident)
    if slope is None:
        return Check("memory slope after warm-up", "not measured: too short", is_kept=True)
    per_min = f"{slope.kib_per_min:+.0f} ± {2 * slope.error:.0f} KiB/min at {slope.mean_kib / 1024:.0f} MiB"
    return Check("memory slope after warm-up", per_min, slope.is_flat)


def facts(seen: Seen) -> list[tuple[str, str]]:
    """What was done, for the table."""
    done, befell = seen.counts.seen, seen.upstream["befell"]
    failed = sum(n for name, n in done.items() if name.startswith("error "))
    tools = ", ".join(f"{done[f'tool {s}']} {s}" for s in ("done", "failed", "timed_out", "cancelled"))
    slept = len(seen.stalls)
    return [
        ("sessions at a time, time", f"{seen.sessions}, {seen.seconds:.0f} s"),
        ("talks, texts, turns", f"{done['talks']}, {done['texts']}, {done['turns']}"),
        ("resumes, gaps, interruptions", f"{done['resumes']}, {done['gaps']}, {done['interrupted']}"),
        ("left in the midst", str(done["walked away"])),
        ("tools", tools),
        ("requests upstream, faults of them", f"{seen.upstream['served']}, {sum(befell.values())}"),
        ("turns that ended in an error", str(failed)),
        ("server's processor", f"{seen.cpu_s / max(seen.seconds, 1):.0%}"),
        ("files and sockets open, before and after", f"{seen.descriptors[0]}, {seen.descriptors[1]}"),
        ("stalls of over 250 ms, all causes", str(slept)),
    ]


def table(parts: list[Seen]) -> str:
    """A Markdown table with a column for each part."""
    lines = [
        "| what | " + " | ".join(seen.database for seen in parts) + " |",
        "|---|" + "---|" * len(parts),
    ]
    for rows in zip(*(facts(seen) for seen in parts), strict=True):
        lines.append(f"| {rows[0][0]} | " + " | ".join(value for _, value in rows) + " |")
    for row in zip(*(checks(seen) for seen in parts), strict=True):
        figures = (check.figure + ("" if check.is_kept else " **broken**") for check in row)
        lines.append(f"| {row[0].name} | " + " | ".join(figures) + " |")
    return "\n".join(lines)


def plain_table(name: str, found: list[Check]) -> str:
    """A Markdown table of one run's checks."""
    rows = [f"| {c.name} | {c.figure}{'' if c.is_kept else ' **broken**'} |" for c in found]
    return "\n".join([f"| {name} | |", "|---|---|", *rows])


def samples(seen: Seen) -> list[str]:
    """What is to be read where a promise was broken."""
    own = map(str, own_stalls(seen)[:10])
    return [*seen.counts.samples, *seen.upstream["samples"], *seen.errors[:10], *own]
