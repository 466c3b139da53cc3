"""The report, made of clauses that are known."""

import pytest

from bench.voice.synthesis import Said, gap_in, report


@pytest.mark.parametrize(
    ("pieces", "gap"),
    [
        ([(0.5, 1.0)], 0.0),
        ([(0.5, 1.0), (1.0, 1.0), (2.4, 1.0)], 0.0),
        ([(0.5, 0.5), (1.5, 0.5), (2.5, 0.5)], 1.0),
    ],
)
def test_gap_is_the_silence_between_pieces(pieces: list[tuple[float, float]], gap: float):
    assert gap_in(pieces) == pytest.approx(gap)


def test_report_adds_up_times_and_gaps():
    printed = report(
        [
            Said("Vale,", "es", b"", 0.4, 0.5, 1.0, 0.0),
            Said("Sure,", "en", b"", 0.6, 2.5, 2.0, 0.3),
        ]
    )

    assert "first sound p50 500 ms, at most 600 ms" in printed
    assert "real time x1.00; noticed gaps in 1 of 2 clauses" in printed
