"""What was understood can be said in short."""

from app.llm.demo.intents import Intent


def test_an_intent_says_what_was_understood():
    assert str(Intent("calculate", {"expression": "2+2"})) == "calculate: 2+2"
    assert str(Intent("get_public_ip")) == "get_public_ip"
    assert str(Intent("make_http_request", {"url": "https://a.example", "method": "GET"})) == (
        "make_http_request: https://a.example, GET"
    )


def test_a_long_argument_is_said_in_part():
    said = str(Intent("text_analysis", {"text": "uno\ndos " * 200_000}))

    assert len(said) < 100
    assert said.endswith("…")
    assert "\n" not in said
