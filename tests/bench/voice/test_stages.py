"""The stages of an answer, read from the server's log."""

import json
from pathlib import Path

import pytest

from bench.voice.stages import StageLog, row, stages_of, table

ANSWER = [
    (10.1, "pass"),
    (10.15, "clause"),
    (10.4, "understood"),
    (10.4, "asked"),
    (10.42, "token"),
    (10.43, "clause"),
    (10.45, "text"),
    (10.5, "front"),
    (10.7, "piece"),
    (10.7, "frame"),
    (10.9, "piece"),
]


def test_stages_are_those_that_led_to_the_first_sound():
    before = [(5.0, "pass"), (5.3, "understood"), (5.9, "frame")]
    after = [(15.0, "pass"), (15.5, "front"), (15.6, "frame")]

    found = stages_of([*before, *ANSWER, *after], 10.0, 10.71)

    assert found == pytest.approx(
        {
            "pass": 0.1,
            "understood": 0.4,
            "asked": 0.4,
            "token": 0.42,
            "text": 0.45,
            "clause": 0.43,
            "front": 0.5,
            "piece": 0.7,
            "frame": 0.7,
            "heard": 0.71,
        }
    )
    assert row(found).startswith("pass 0.10 understood 0.40")


def test_answer_by_another_voice_has_no_stages_of_kokoros():
    moments = [(at, stage) for at, stage in ANSWER if stage not in ("front", "piece")]

    assert {"front", "piece"}.isdisjoint(stages_of(moments, 10.0, 10.71))


def test_utterance_without_an_answer_has_none():
    assert stages_of(ANSWER, 20.0, None) == {}


def test_log_is_read_by_session_and_other_lines_are_passed_over(tmp_path: Path):
    line = {"event": "voice_stage", "session_id": "s1", "stage": "pass", "at": 1.5}
    lines = [
        json.dumps(line),
        "no JSON",
        json.dumps({**line, "session_id": "s2"}),
        '{"event": "voice_stage", ',
    ]
    (tmp_path / "log").write_text("\n".join(lines), encoding="utf-8")

    assert StageLog(tmp_path / "log").of("s1") == [(1.5, "pass")]


def test_table_has_a_line_for_each_stage_that_there_was():
    lines = table([{"pass": 0.1, "frame": 0.7}, {"pass": 0.2, "frame": 0.9}, {"pass": 0.3}])

    assert lines == [
        "the recogniser's last pass begins (3): p50 0.20 s, p95 0.30 s",
        "the first frame has left (2): p50 0.80 s, p95 0.90 s",
    ]
