"""Lines come from pipes and files without holding up the loop."""

import os
from pathlib import Path

from app.cli.lines import lines_of


async def read(data: bytes) -> list[str]:
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    try:
        return [line async for line in lines_of(reading)]
    finally:
        os.close(reading)


async def test_lines_of_a_pipe_come_in_order_and_the_last_needs_no_end():
    assert await read("uno\n¿dos?\n\ntres".encode()) == ["uno", "¿dos?", "", "tres"]


async def test_what_is_no_utf8_is_replaced():
    assert await read(b"a\xffb\n") == ["a\ufffdb"]


async def test_a_file_is_read_to_its_end(tmp_path: Path):
    path = tmp_path / "lines"
    path.write_text("\n".join(map(str, range(5_000))))
    with path.open("rb") as file:
        assert [line async for line in lines_of(file.fileno())] == [str(n) for n in range(5_000)]


async def test_a_line_without_an_end_is_parted(tmp_path: Path):
    path = tmp_path / "long"
    path.write_text("x" * 1_000_000)
    with path.open("rb") as file:
        lines = [line async for line in lines_of(file.fileno())]

    assert len(lines) > 1
    assert sum(map(len, lines)) == 1_000_000
