from app.llm.capabilities import Capabilities
from tests.support.context import settings_with
from tests.support.providers import CALCULATE, asks


def test_only_what_is_set_is_sent():
    assert Capabilities().parameters(asks(), settings_with()) == {"stream_options": {"include_usage": True}}


def test_everything_that_is_set_is_sent():
    settings = settings_with(max_tokens=50, temperature=0)

    parameters = Capabilities().parameters(asks(tools=[CALCULATE]), settings)

    assert parameters == {
        "stream_options": {"include_usage": True},
        "max_tokens": 50,
        "temperature": 0,
        "tools": [CALCULATE],
    }


def test_refused_limit_is_renamed_and_then_left_out():
    settings = settings_with(max_tokens=50)

    renamed = Capabilities(stream_options=False).without("max_tokens")
    without = renamed.without("max_completion_tokens")

    assert renamed.parameters(asks(), settings) == {"max_completion_tokens": 50}
    assert without.parameters(asks(), settings) == {}


def test_everything_optional_can_be_left_out():
    capabilities = (
        Capabilities(max_tokens_name=None).without("stream_options").without("temperature").without("tools")
    )

    assert capabilities.parameters(asks(tools=[CALCULATE]), settings_with(temperature=1)) == {}
