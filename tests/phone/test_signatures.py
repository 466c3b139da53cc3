"""Whose calls are taken: Twilio's signature, and this server's own passes."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from app.clock import Clock
from app.services.auth.call_gate import PASS_LIFETIME_S, CallGate, signature
from tests.phone.twilio import CALL, CALLER, SECRET
from tests.support.virtual_time import EPOCH

FORM = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}

VECTORS: list[tuple[str, str, Mapping[str, str], str]] = [
    ("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", FORM, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    (
        "0123456789abcdef0123456789abcdef",
        "https://voice.example.com/twilio/voice",
        FORM,
        "hE1sGqzS2romfQzqdZ9wAjyixJQ=",
    ),
    ("12345", "wss://voice.example.com/twilio", {}, "/9CePW9ateVCsfEI0ovxcY95674="),
    (
        "12345",
        "http://127.0.0.1/voice",
        {"From": "añb", "Empty": ""},
        "gHGRmXX1UpZeApgbMw1KaHU1nQs=",
    ),
]
"""Secret, address, form and signature, as the `RequestValidator` of the package `twilio` (9.13) has them."""


@pytest.mark.parametrize(("secret", "url", "form", "right"), VECTORS)
def test_signature_is_twilios(secret: str, url: str, form: Mapping[str, str], right: str):
    assert signature(secret, url, form.items()) == right


URL = "https://voice.example.com/twilio/voice"


class StoppedClock:
    """Shows one moment."""

    def __init__(self, later_s: float = 0) -> None:
        self._later_s = later_s

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._later_s)

    def monotonic(self) -> float:
        return self._later_s


def gate(clock: Clock | None = None, secret: str = SECRET) -> CallGate:
    return CallGate(secret, clock or StoppedClock())


@pytest.mark.parametrize(
    ("signed", "dialled"),
    [
        (URL, URL),
        ("https://voice.example.com:443/twilio/voice", URL),
        (URL, "https://voice.example.com:443/twilio/voice"),
        ("https://voice.example.com:8443/twilio/voice", "https://voice.example.com:8443/twilio/voice"),
        ("wss://voice.example.com:443/twilio", "wss://voice.example.com/twilio"),
        ("http://[2001:db8::1]:80/twilio/voice", "http://[2001:db8::1]/twilio/voice"),
    ],
)
def test_address_counts_with_its_port_and_without(signed: str, dialled: str):
    given = signature(SECRET, signed, FORM.items())

    assert gate().is_signed(given, [dialled], FORM.items())


@pytest.mark.parametrize(
    ("secret", "url", "form"),
    [
        ("another", URL, FORM),
        (SECRET, "https://voice.example.org/twilio/voice", FORM),
        (SECRET, "http://voice.example.com/twilio/voice", FORM),
        (SECRET, f"{URL}?a=b", FORM),
        (SECRET, URL, {**FORM, "From": "+10000000000"}),
        (SECRET, URL, {**FORM, "More": "1"}),
        (SECRET, URL, {}),
    ],
)
def test_other_secrets_addresses_and_forms_are_not_signed(secret: str, url: str, form: Mapping[str, str]):
    given = signature(secret, url, form.items())

    assert not gate().is_signed(given, [URL], FORM.items())


@pytest.mark.parametrize("given", ["", "=", "\udcff", "ñ", "0" * 10_000])
def test_what_is_no_signature_is_none(given: str):
    assert not gate().is_signed(given, [URL], FORM.items())


def parameters_of(issuer: CallGate, call_id: str = CALL, caller: str = CALLER) -> dict[str, str]:
    return {"caller": caller, "pass": issuer.issue(call_id, caller)}


def test_pass_is_good_for_its_call_in_any_process_with_the_same_secret():
    clock = StoppedClock()

    assert gate(clock).has_pass(CALL, parameters_of(gate(clock)))


@pytest.mark.parametrize(
    ("call_id", "changed"),
    [
        ("CA-another", {}),
        (CALL, {"caller": "+34999999999"}),
        (CALL, {"caller": ""}),
        (CALL, {"pass": ""}),
        (CALL, {"pass": "9999999999."}),
        (CALL, {"pass": "x.y"}),
        (CALL, {"pass": "\udcff.\udcff"}),
    ],
)
def test_pass_is_good_for_nothing_else(call_id: str, changed: dict[str, str]):
    clock = StoppedClock()
    parameters = {**parameters_of(gate(clock)), **changed}

    assert not gate(clock).has_pass(call_id, parameters)


def test_pass_cannot_be_given_more_time():
    clock = StoppedClock()
    parameters = parameters_of(gate(clock))
    ends, _, seal = parameters["pass"].partition(".")

    assert not gate(clock).has_pass(CALL, {**parameters, "pass": f"{int(ends) + 1}.{seal}"})


def test_pass_of_another_secret_is_none():
    clock = StoppedClock()

    assert not gate(clock).has_pass(CALL, parameters_of(gate(clock, "another")))


def test_no_part_of_a_pass_passes_for_another():
    clock = StoppedClock()
    moved = parameters_of(gate(clock), call_id="a", caller="b\nc")

    assert not gate(clock).has_pass("a\nb", {**moved, "caller": "c"})


@pytest.mark.parametrize(("later_s", "is_good"), [(PASS_LIFETIME_S - 2, True), (PASS_LIFETIME_S + 1, False)])
def test_pass_ends(later_s: float, is_good: bool):
    assert gate(StoppedClock(later_s)).has_pass(CALL, parameters_of(gate())) is is_good
