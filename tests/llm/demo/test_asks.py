"""A request knows whether it can be made."""

from app.llm.demo.asks import Ask


def test_a_request_lacks_nothing_unless_it_says_so():
    assert Ask("get_public_ip") == Ask("get_public_ip", {}, "")
    assert Ask("calculate", missing="expression").missing == "expression"
