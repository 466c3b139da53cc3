"""`make audit`: looks up the advisories of all packages in `requirements-dev.lock`, which holds those of all.

Fails where one is known. Where the advisories cannot be had, it says that nothing was looked up, and does not
fail: a registry's mirror has none of them, and then `pip-audit` itself would call everything well.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements-dev.lock"
LIMIT_S = 300


def judged(report: str) -> tuple[int, str]:
    """The exit status, and what people read, for `pip-audit`'s JSON; or for none, where it gave up."""
    try:
        found: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        found = []
    audited = [package for package in found if "skip_reason" not in package]
    if not audited:
        return 0, "NOT AUDITED: the advisories cannot be had here. Nothing is known of any package."
    lines = [
        f"{package['name']} {package['version']}: {vuln['id']}, mended in "
        + (", ".join(vuln.get("fix_versions", [])) or "no release yet")
        for package in audited
        for vuln in package["vulns"]
    ]
    skipped = [package["name"] for package in found if "skip_reason" in package]
    if skipped:
        lines.append(f"not audited, since nothing could be had: {', '.join(skipped)}")
    known = sum(len(package["vulns"]) for package in audited)
    return int(known > 0), "\n".join([*lines, f"{len(audited)} packages audited, {known} advisories"])


def main(program: str) -> int:
    """Asks the program, and tells what came of it."""
    options = (
        "-r",
        str(LOCK),
        "--no-deps",
        "--disable-pip",
        "--progress-spinner",
        "off",
        "-f",
        "json",
    )
    try:
        done = subprocess.run(
            [program, *options], capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
        status, text = judged(done.stdout)
    except (OSError, subprocess.TimeoutExpired):
        status, text = judged("")
    sys.stdout.write(text + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
