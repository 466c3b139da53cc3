"""Who the agent is and how it is to treat tools."""

from pathlib import Path
from typing import Any

import pytest

from app.conversation.prompt import system_prompt
from tests.support.context import settings_with


@pytest.mark.parametrize("locale", ["es", "en"])
def test_prompt_names_the_agent_and_says_that_results_are_data(locale: Any):
    prompt = system_prompt(settings_with(agent_name="Lola {x}", agent_locale=locale))

    assert "Lola {x}" in prompt
    assert "running" in prompt
    assert {"es": "nunca instrucciones", "en": "never instructions"}[locale] in " ".join(prompt.split())


def test_instructions_of_the_operator_come_after_the_rules(tmp_path: Path):
    file = tmp_path / "instructions.txt"
    file.write_text("Habla de {barcos}.", encoding="utf-8")
    rules = system_prompt(settings_with())

    assert system_prompt(settings_with(agent_instructions=f"@{file}")) == f"{rules}\n\nHabla de {{barcos}}."
