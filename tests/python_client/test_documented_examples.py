"""The examples of the Python client's pages, as they stand there, answered by a real server."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import ServerProcess

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "docs" / "python-client.md", ROOT / "clients" / "python" / "README.md")
EXAMPLES = [
    (page.name, code)
    for page in PAGES
    for code in re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    if "asyncio.run" in code
]

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    process = ServerProcess()
    process.start()
    yield process
    process.kill()


@pytest.mark.parametrize(
    ("page", "code"), EXAMPLES, ids=[f"{page} {n}" for n, (page, _) in enumerate(EXAMPLES)]
)
def test_documented_example_is_answered(server: ServerProcess, page: str, code: str, tmp_path: Path):
    program = tmp_path / "talk.py"
    program.write_text(code.replace("8000", str(server.port)), encoding="utf-8")

    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=50, cwd=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^answer: .*\b(4|34)\b", done.stdout, re.DOTALL | re.MULTILINE)


def test_each_page_has_an_example():
    assert {page for page, _ in EXAMPLES} == {page.name for page in PAGES}
