"""An audit that had nothing to go by never looks like one that found nothing."""

import json
from typing import Any

import pytest

from tests.audit import judged, main

GOOD = {"name": "idna", "version": "3.20", "vulns": []}
BAD = {"name": "h11", "version": "0.1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["0.2"]}]}
UNKNOWN = {"name": "yarl", "skip_reason": "Dependency not found on PyPI and could not be audited"}


def report(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_advisory_fails_the_audit_and_is_named():
    status, text = judged(report(GOOD, BAD))

    assert status == 1
    assert text == "h11 0.1: PYSEC-1, mended in 0.2\n2 packages audited, 1 advisories"


def test_audit_without_advisories_passes():
    assert judged(report(GOOD)) == (0, "1 packages audited, 0 advisories")


def test_packages_that_nothing_could_be_had_of_are_named():
    status, text = judged(report(GOOD, UNKNOWN))

    assert status == 0
    assert "not audited, since nothing could be had: yarl" in text


@pytest.mark.parametrize("said", ["", "Traceback", "[]", "{}", report(), report(UNKNOWN)])
def test_audit_without_data_says_so_and_fails_nothing(said: str):
    status, text = judged(said)

    assert status == 0
    assert text.startswith("NOT AUDITED")


def test_program_that_is_not_there_is_no_failure(capsys: pytest.CaptureFixture[str]):
    assert main("/no/such/pip-audit") == 0
    assert capsys.readouterr().out.startswith("NOT AUDITED")
