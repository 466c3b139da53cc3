"""What is odd about a `.env` file, and what is just another way to write it."""

import logging
from pathlib import Path

import pytest

from app.services.upkeep.names import warn_of_oddities
from config.env_file import Oddity, oddities
from config.settings import Settings, load_settings

DEPLOYMENT = "AZURE_OPENAI_DEPLOYMENT_NAME"
KNOWN = tuple(name.upper() for name in Settings.model_fields)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("AGENT_NAM=Ana\n", [Oddity("unknown_setting", 1, "AGENT_NAM", "AGENT_NAME")]),
        ("\ufeffAGENT_NAM=Ana\r\n", [Oddity("unknown_setting", 1, "AGENT_NAM", "AGENT_NAME")]),
        ("# c\r\n\r\nexport TTS_VOICE = x\r\n", [Oddity("unknown_setting", 3, "TTS_VOICE", "TTS_VOICE_ES")]),
        ("OPENAI_API_BASE=x", [Oddity("unknown_setting", 1, "OPENAI_API_BASE", "OPENAI_BASE_URL")]),
        ("AZURE_OPENAI_DEPLOYMENT=x", [Oddity("unknown_setting", 1, "AZURE_OPENAI_DEPLOYMENT", DEPLOYMENT)]),
        ("DB_URL=x", [Oddity("unknown_setting", 1, "DB_URL", "DATABASE_URL")]),
        ("JWT_SECRET=x", [Oddity("unknown_setting", 1, "JWT_SECRET", "JWT_KEY")]),
        ("LLM_BASE_URL=x", [Oddity("unknown_setting", 1, "LLM_BASE_URL", "OPENAI_BASE_URL")]),
        ("PORT=1\nport=2\n", [Oddity("set_twice", 2, "port")]),
        ("PORT\n", [Oddity("without_value", 1, "PORT")]),
        ("HOST: 0.0.0.0\nPORT=1\n", [Oddity("unreadable", 1)]),
        ("set PORT=1\n", [Oddity("unreadable", 1)]),
        ('AGENT_NAME="Ana\nPORT=1\nX="\n', [Oddity("inside_quotes", 2, "PORT")]),
        ("POSTGRES_PASSWORD=x\nREDIS_URL=y\nsk-0123456789\n", []),
        ("", []),
        ("\n\n# AGENT_NAM=x\n", []),
    ],
)
def test_oddities_are_told_with_their_line(text: str, found: list[Oddity]) -> None:
    assert list(oddities(text, KNOWN)) == found


def test_the_example_has_none() -> None:
    text = (Path(__file__).parents[2] / ".env.example").read_text(encoding="utf-8")

    assert list(oddities(text, KNOWN)) == []


@pytest.mark.parametrize(
    "written",
    [
        "PORT=99",
        "\ufeffPORT=99\r\n",
        "export PORT=99",
        "PORT = 99  ",
        'PORT="99"   ',
        "port='99' # c",
        "PORT=1\nPORT=99",
    ],
)
def test_all_these_forms_are_read(written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text(written, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert load_settings().port == 99


def test_the_log_has_the_nearest_name_and_never_a_value(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".env").write_text("OPENAI_KEY=s3cr3t\n", encoding="utf-8")
    caplog.set_level(logging.WARNING)
    warn_of_oddities(KNOWN, tmp_path / ".env")
    warn_of_oddities(KNOWN, tmp_path / "none")

    (record,) = caplog.records
    assert (record.msg, vars(record)["nearest"]) == ("unknown_setting", "OPENAI_API_KEY")
    assert "s3cr3t" not in str(vars(record))
