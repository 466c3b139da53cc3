"""What was said, as the model is told it: acceptable to the API at every moment, and within its budget."""

import itertools
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.chat import NoteKind, TokenUsage
from app.errors import ContextTooLong
from app.llm.request_messages import request_messages
from app.session.history import CallRecord, History
from app.session.message_rules import validate
from tests.support.api_rules import strict_violations, violations

PLENTY = 1_000_000

USER = {"role": "user", "content": "hola"}


def new_history(max_tokens: int = PLENTY, system: str = "Eres amable.") -> History:
    return History(system, max_tokens)


def talked(history: History, *texts: str) -> History:
    """A history with so many turns, each answered."""
    for number, text in enumerate(texts):
        history.begin_turn(f"t{number}")
        history.add_user(text)
        history.for_api()
        history.accepted()
        history.add_assistant(f"re: {text}")
    return history


def contents(messages: Any) -> list[Any]:
    return [message["content"] for message in messages]


def call(name: str = "c1") -> CallRecord:
    return CallRecord(name, "work", "{}")


def write(name: str = "c1") -> CallRecord:
    return CallRecord(name, "order", '{"words":"veneno"}', is_write=True)


def statuses(history: History) -> list[str]:
    return [orjson.loads(m["content"])["status"] for m in history if m["role"] == "tool"]


# What the model is told


def test_prompt_is_the_system_prompt_and_then_what_was_said():
    history = talked(new_history(), "hola")

    assert history.for_api() == [
        {"role": "system", "content": "Eres amable."},
        {"role": "user", "content": "hola"},
        {"role": "assistant", "content": "re: hola"},
    ]


def test_system_prompt_is_no_part_of_the_history():
    history = talked(new_history(), "hola")

    assert [m["role"] for m in history] == ["user", "assistant"]
    assert (len(history), history[-1]["content"], contents(history[:1])) == (2, "re: hola", ["hola"])


def test_nothing_said_adds_no_message():
    history = new_history()
    history.begin_turn("t")
    history.add_user("hola")

    history.add_assistant("")

    assert len(history) == 1


def test_turn_in_which_nothing_was_added_leaves_no_trace():
    history = talked(new_history(max_tokens=100), "hola")

    for number in range(5):
        history.begin_turn(f"empty{number}")
    history.begin_turn("t")
    history.add_user("¿sigues?")

    assert contents(history) == ["hola", "re: hola", "¿sigues?"]
    assert history.drop_older_half()
    assert contents(history) == ["¿sigues?"]


# Tool calls


def test_calls_have_a_running_message_each_from_the_start():
    history = new_history()
    history.begin_turn("t")

    history.add_calls("Voy.", [call("a"), call("b")])

    assert validate(history) == []
    assert history[0]["content"] == "Voy."
    assert [(m["tool_call_id"], m["content"]) for m in history[1:]] == [
        ("a", '{"status":"running","call_id":"a"}'),
        ("b", '{"status":"running","call_id":"b"}'),
    ]


def test_call_that_ends_before_the_model_is_asked_again_is_settled_in_place():
    history = new_history()
    history.begin_turn("t")
    history.add_calls("", [call("a"), call("b")])

    history.settle("b", {"status": "done", "result": 4})

    assert statuses(history) == ["running", "done"]
    assert history[0]["content"] is None


def test_what_the_model_was_told_is_never_rewritten():
    history = new_history()
    history.begin_turn("t")
    history.add_calls("", [call("a")])
    history.for_api()

    with pytest.raises(KeyError):
        history.settle("a", {"status": "done", "result": 4})

    assert statuses(history) == ["running"]


def test_call_is_settled_once():
    history = new_history()
    history.begin_turn("t")
    history.add_calls("", [call("a")])
    history.settle("a", {"status": "done", "result": 1})

    with pytest.raises(KeyError):
        history.settle("a", {"status": "failed", "error": "no"})

    assert statuses(history) == ["done"]


def test_call_of_an_earlier_turn_is_not_settled_any_more():
    history = new_history()
    history.begin_turn("t")
    history.add_calls("", [call("a")])
    history.begin_turn("u")

    with pytest.raises(KeyError):
        history.settle("a", {"status": "done", "result": 1})


def test_background_result_is_a_pair_of_its_own():
    history = new_history()
    history.begin_turn("t")
    history.add_calls("", [call("a")])
    history.begin_turn("u")

    history.add_result(call("new"), {"status": "done", "result": 1, "call_id": "a"})

    assert validate(history) == []
    assert statuses(history) == ["running", "done"]
    assert history.holds("new")
    assert not history.holds("a"), "only the newest turn is looked at"
    assert not history.holds(None)


def test_empty_history_holds_nothing():
    assert not new_history().holds("a")


# How many


def test_messages_of_users_and_agent_are_counted_but_not_those_of_tools():
    history = talked(new_history(), "uno", "dos")
    history.begin_turn("t")
    history.add_calls("", [call("a"), call("b")])

    assert history.message_count == 5


def test_count_remembers_what_has_left_the_prompt():
    history = talked(new_history(max_tokens=100), *(f"texto {n}" * 5 for n in range(20)))
    history.begin_turn("t")
    history.add_user("fin")
    history.for_api()

    assert history.message_count == 41
    assert len(history) < 41


# The budget


def test_oldest_whole_turns_leave_and_the_newest_stay():
    history = talked(new_history(max_tokens=200), *(f"texto {n:02} " + "x" * 80 for n in range(20)))
    history.begin_turn("t")
    history.add_user("último")

    prompt = history.for_api()

    assert sum(len(m["content"].encode()) for m in prompt) / 3 <= 200
    assert prompt[0]["role"] == "system"
    assert prompt[1]["role"] == "user", "a turn leaves whole"
    assert contents(prompt)[-3:] == ["texto 19 " + "x" * 80, "re: texto 19 " + "x" * 80, "último"]


def test_history_within_its_budget_stays_whole():
    history = talked(new_history(max_tokens=200), "uno", "dos", "tres")

    assert len(history.for_api()) == 7


@pytest.mark.parametrize("letter", ["x", "ñ", "🎤"])
def test_text_that_alone_is_over_the_budget_is_refused(letter: str):
    history = talked(new_history(max_tokens=300), "hola")
    history.begin_turn("t")
    history.add_user(letter * (900 // len(letter.encode())))

    with pytest.raises(ContextTooLong):
        history.for_api()

    history.drop_rejected()
    history.begin_turn("u")
    history.add_user("¿te acuerdas?")
    assert contents(history.for_api())[1:] == ["hola", "re: hola", "¿te acuerdas?"]


def with_results(history: History, *results: Any) -> History:
    history.begin_turn("t")
    history.add_user("busca")
    history.add_calls("", [call(str(n)) for n in range(len(results))])
    for number, result in enumerate(results):
        history.settle(str(number), result)
    return history


def done(result: Any) -> dict[str, Any]:
    return {"status": "done", "result": result}


def told(history: History) -> list[dict[str, Any]]:
    return [orjson.loads(m["content"]) for m in history.for_api() if m["role"] == "tool"]


def size(messages: list[Any]) -> int:
    return sum(len(str(m["content"] or "").encode()) for m in messages)


def test_longest_results_of_the_newest_turn_are_cut_and_marked():
    history = with_results(new_history(max_tokens=1000), done("a" * 6000), done("b" * 300), done("c" * 4000))

    first, second, third = told(history)

    assert second == done("b" * 300)
    assert first["truncated"] is third["truncated"] is True
    assert 200 <= len(first["result"]) < 6000
    assert 200 <= len(third["result"]) < 4000
    assert size(history.for_api()) / 3 <= 1000


def test_long_error_does_not_keep_a_result_from_being_cut():
    failed = {"status": "failed", "error": "e" * 500}
    history = with_results(new_history(max_tokens=350), failed, done("a" * 450))

    assert told(history)[0] == failed
    assert told(history)[1]["truncated"] is True


@pytest.mark.parametrize("result", [[""] * 4000, {"a": ['"'] * 3000}, "<" * 4000])
def test_result_that_needs_escapes_is_cut_too(result: Any):
    history = with_results(new_history(max_tokens=1500), done(result))

    assert told(history)[0]["truncated"] is True
    assert size(history.for_api()) / 3 <= 1500


def test_results_that_cannot_be_cut_any_further_are_refused():
    history = with_results(new_history(max_tokens=300), *[done("a" * 1000)] * 10)

    with pytest.raises(ContextTooLong):
        history.for_api()


@pytest.mark.parametrize(("tokens_per_byte", "kept"), [(1 / 4, 9), (1 / 3, 7), (1, 1)])
def test_estimate_follows_what_the_service_counts(tokens_per_byte: float, kept: int):
    history = new_history(max_tokens=300, system="s")
    history.begin_turn("a")
    history.add_user("x" * 88)
    asked = size(history.for_api()) + 2 * 12
    history.observe(TokenUsage(round(asked * tokens_per_byte), 1))

    for number in range(20):
        history.begin_turn(f"t{number}")
        history.add_user("x" * 108)
        history.add_assistant("")
    history.for_api()

    assert len(history) == pytest.approx(kept, abs=1.5)


def test_schemas_of_the_tools_count_when_the_estimate_is_corrected():
    one, other = new_history(max_tokens=500), new_history(max_tokens=500)
    for history, schemas in ((one, 0), (other, 3000)):
        history.begin_turn("a")
        history.add_user("x" * 100)
        history.for_api(schemas)
        history.observe(TokenUsage(1000, 1))
        talked(history, *["y" * 100] * 20)

    assert len(other) > len(one)


@pytest.mark.parametrize("wrong", [0, -5, 10**9, 1])
def test_count_that_no_tokenizer_gives_does_little_harm(wrong: int):
    history = talked(new_history(max_tokens=400), "x" * 200)
    history.for_api()

    history.observe(TokenUsage(wrong, 0))
    history.begin_turn("t")
    history.add_user("x" * 300)

    assert contents(history.for_api())[-1] == "x" * 300


def with_refused_write(history: History) -> History:
    history.begin_turn("t")
    history.add_user("pídelo")
    history.for_api()
    history.accepted()
    history.add_calls("", [call("c1"), write("c2")])
    history.settle("c1", {"status": "done", "result": "veneno"})
    history.settle("c2", {"status": "failed", "outcome": "unknown", "error": "veneno"})
    return history


def known_of_write(history: History) -> None:
    assert "veneno" not in str(list(history))
    assert [m["role"] for m in history][:3] == ["user", "assistant", "tool"]
    assert [each["id"] for each in history[1]["tool_calls"]] == ["c2"]
    assert orjson.loads(history[2]["content"]) == {"status": "failed", "outcome": "unknown"}
    assert violations(list(history)) == []
    assert history.message_count == sum(m["role"] in ("user", "assistant") for m in history)


def test_write_stays_known_where_its_words_are_refused():
    history = with_refused_write(new_history())

    for _ in range(3):
        history.for_api()
        history.drop_rejected()

        known_of_write(history)


def asked_without_what_failed(history: History, turn_id: str, *, is_refused: bool = False) -> list[Any]:
    """A turn whose prompt goes well without what is doubted."""
    history.begin_turn(turn_id)
    history.add_user("¿Y?")
    (part,) = history.doubted(is_refused=is_refused)
    asked = history.for_api(without=part)
    history.accepted()
    history.add_assistant("vale")
    return asked


def test_write_stays_known_where_a_failed_turn_is_left_out():
    history = with_refused_write(new_history())
    list(history.doubted(is_refused=False))
    asked_without_what_failed(history, "t2")
    asked = asked_without_what_failed(history, "t3")

    assert "veneno" not in str(asked) and asked[1:] == list(history)[:-1]
    known_of_write(history)


def test_bare_write_alone_is_left_out_like_any_other():
    history = new_history()
    history.begin_turn("t")
    history.add_result(write("c9"), {"status": "done", "result": "veneno"})
    list(history.doubted(is_refused=False))
    for number in range(2):
        asked_without_what_failed(history, f"a{number}")

    assert statuses(history) == ["done"] and "veneno" not in str(list(history))


def test_what_went_well_once_without_is_asked_again_and_is_innocent_then():
    history = new_history()
    history.begin_turn("t")
    history.add_user("hola")
    list(history.doubted(is_refused=False))
    asked_without_what_failed(history, "t2")
    history.begin_turn("t3")
    history.add_user("¿y?")

    assert "hola" in contents(history.for_api())

    history.accepted()
    history.begin_turn("t4")
    assert list(history.doubted(is_refused=False)) == [], "what was taken is harmless"


def test_what_is_refused_by_name_leaves_after_one_prompt_without_it():
    history = new_history()
    history.begin_turn("t")
    history.add_note("veneno")
    history.begin_turn("t2")
    history.add_user("hola")
    (part,) = history.doubted(is_refused=True, names_content=True)
    history.for_api(without=part)
    history.accepted()

    assert contents(history) == ["hola"]
    assert [turn.turn_id for turn in history.take_refused()] == ["t"]


def test_older_turns_and_their_summary_leave_where_prompts_go_well_without_them_alone_and_twice():
    history = talked(new_history(), "a", "b")
    history.set_summary("resumen", "resumen")
    for number, is_there in ((1, True), (2, False)):
        history.begin_turn(f"r{number}")
        history.add_user("¿Y?")
        history.for_api()
        if number == 1:
            history.drop_rejected()
        for part in history.doubted(is_refused=True):
            history.for_api(without=part)
        history.accepted()

        assert (history.summary == "resumen", "a" in contents(history)) == (is_there, is_there)


def test_background_result_of_a_write_leaves_how_it_ended():
    history = talked(new_history(), "hola")
    history.begin_turn("t")
    history.add_result(write("c9"), {"status": "done", "result": "veneno"})
    history.for_api()
    history.drop_rejected()

    assert statuses(history) == ["done"] and "veneno" not in str(list(history))


def test_older_half_leaves_when_the_service_says_that_it_is_too_much():
    history = talked(new_history(), *["x" * 100] * 10)

    assert history.drop_older_half()

    assert 6 <= len(history) <= 10
    assert history[0]["role"] == "user"


def test_newest_turn_is_not_dropped():
    history = talked(new_history(), "hola")

    assert not history.drop_older_half()
    assert len(history) == 2


def long_talk(count: int = 20, max_tokens: int = 400) -> History:
    history = new_history(max_tokens=max_tokens)
    for number in range(count):
        history.begin_turn(f"t{number}", position=2 * number)
        history.add_user(f"texto {number:02} " + "x" * 60)
        history.for_api()
        history.accepted()
        history.add_assistant("vale")
    return history


def test_turns_leave_many_at_a_time_so_that_the_prompts_between_begin_alike():
    history = new_history(max_tokens=400)
    starts: list[str] = []
    for number in range(60):
        history.begin_turn(f"t{number}")
        history.add_user(f"texto {number:02} " + "x" * 60)
        starts.append(history.for_api()[1]["content"])

    changes = sum(one != other for one, other in itertools.pairwise(starts))
    assert 10 <= changes <= 20
    assert len(history) >= 8


def test_each_turn_that_leaves_is_given_out_once_and_in_order():
    history = long_talk(10)
    first = history.take_left()
    history = long_talk(20)
    left = [*history.take_left(), *history.take_left()]

    assert [turn.turn_id for turn in left] == [f"t{number}" for number in range(len(left))]
    assert [turn.position for turn in left] == [2 * number for number in range(len(left))]
    assert [m["content"] for m in left[3].messages] == ["texto 03 " + "x" * 60, "vale"]
    assert len(first) < len(left) < 20
    assert len(left) * 2 + len(history) == 40


def test_turns_that_nobody_asks_about_leave_too():
    history = new_history(max_tokens=200)
    for number in range(100):
        history.begin_turn(f"t{number}")
        history.add_note("x" * 100)

    assert len(history) < 10


# The summary of what has left


def test_summary_stands_behind_the_system_prompt_and_is_no_part_of_the_history():
    history = talked(new_history(), "hola")
    history.set_summary("habló de trenes", "Notas: habló de trenes")

    assert contents(history.for_api()) == ["Eres amable.", "Notas: habló de trenes", "hola", "re: hola"]
    assert history.for_api()[1]["role"] == "system"
    assert (history.summary, len(history)) == ("habló de trenes", 2)


def test_summary_counts_within_the_budget():
    history = long_talk()
    before = len(history)

    history.set_summary("s", "n" * 300)
    history.begin_turn("t")
    history.add_user("fin")

    assert size(history.for_api()) / 3 <= 400
    assert len(history) < before


def test_summary_never_keeps_the_newest_text_from_being_asked():
    history = new_history(max_tokens=300)
    history.set_summary("s", "n" * 300)
    history.begin_turn("t")
    history.add_user("x" * 700)

    assert contents(history.for_api()) == ["Eres amable.", "x" * 700]


def refused(history: History, text: str) -> None:
    history.begin_turn("r")
    history.add_user(text)
    history.for_api()
    history.drop_rejected()


def test_summary_that_was_never_in_an_accepted_prompt_leaves_at_the_second_refusal():
    history = talked(new_history(), "hola")
    history.set_summary("veneno", "veneno")

    refused(history, "uno")
    assert history.summary == "veneno"
    refused(history, "dos")

    assert contents(history.for_api()) == ["Eres amable.", "hola"]
    assert history.summary == ""


def test_summary_that_the_service_took_stays_whatever_is_refused_later():
    history = talked(new_history(), "hola")
    history.set_summary("s", "notas")
    talked(history, "¿sigues?")

    refused(history, "uno")
    refused(history, "dos")

    assert history.summary == "s"


def test_summary_that_comes_while_a_prompt_is_away_is_not_taken_with_it():
    history = talked(new_history(), "hola")
    history.begin_turn("t")
    history.add_user("uno")
    history.for_api()
    history.set_summary("veneno", "veneno")
    history.accepted()

    refused(history, "dos")
    refused(history, "tres")

    assert history.summary == ""


# What the service refuses


def test_refused_text_leaves_and_what_was_accepted_stays():
    history = talked(new_history(), "hola")
    history.begin_turn("t")
    history.add_user("veneno")
    history.for_api()

    history.drop_rejected()

    assert contents(history) == ["hola", "re: hola"]
    assert history.message_count == 2


def test_refused_tool_results_leave_with_their_calls_and_the_text_stays():
    history = new_history()
    history.begin_turn("t")
    history.add_user("busca")
    history.for_api()
    history.accepted()
    history.add_calls("Busco.", [call()])
    history.settle("c1", done("veneno"))
    history.for_api()

    history.drop_rejected()

    assert contents(history) == ["busca"]
    assert validate(history) == []
    assert history.message_count == 1


def test_answer_that_was_never_in_an_accepted_prompt_stays_at_first_and_leaves_at_the_second_refusal():
    history = talked(new_history(), "hola")
    history.begin_turn("a")
    history.add_user("uno")
    history.drop_rejected()
    assert contents(history) == ["hola", "re: hola"]

    history.begin_turn("b")
    history.add_user("dos")
    history.drop_rejected()

    assert contents(history) == ["hola"]


def test_accepted_prompt_makes_all_of_it_harmless():
    history = talked(new_history(), "hola")
    history.begin_turn("a")
    history.add_user("uno")
    history.drop_rejected()
    history.begin_turn("b")
    history.add_user("dos")
    history.for_api()
    history.accepted()

    history.begin_turn("c")
    history.add_user("tres")
    for _ in range(3):
        history.drop_rejected()

    assert contents(history) == ["hola", "re: hola", "dos"]


def test_turn_emptied_between_others_does_not_hide_the_older_ones_from_being_accepted():
    history = talked(new_history(), "hola")
    history.begin_turn("told by the server")
    history.add_result(call("a"), done("veneno"))
    history.begin_turn("b")
    history.add_user("b")
    history.drop_rejected()
    history.begin_turn("c")
    history.add_user("fin")
    history.for_api()
    history.accepted()

    history.drop_rejected()
    history.drop_rejected()

    assert contents(history) == ["hola", "re: hola", "fin"]


# What is known of the user


def test_what_is_known_of_the_user_stands_behind_the_rules_as_it_is_now():
    history = talked(new_history(), "hola")
    history.begin_turn("t1")
    before = history.for_api()
    history.tell_of_user("Se llama Ana.")
    told = history.for_api()
    history.tell_of_user("")

    assert told[0]["content"] == "Eres amable.\n\nSe llama Ana."
    assert told[1:] == before[1:]
    assert history.for_api() == before


def test_what_is_known_of_the_user_counts_in_the_budget():
    history = talked(new_history(max_tokens=100), "a" * 100, "b")
    history.tell_of_user("x" * 150)
    history.begin_turn("t2")
    history.add_user("c")

    assert contents(history.for_api()[1:]) == ["b", "re: b", "c"]


# Everything at once

texts = st.text(max_size=30) | st.sampled_from(["x" * 400, "ñ" * 900, "veneno"])
answers = st.one_of(
    st.builds(done, st.text(max_size=20) | st.sampled_from(["r" * 5000, ["<"] * 2000, [""] * 2000, None])),
    st.just({"status": "failed", "error": "e" * 300}),
)


class HistoryMachine(RuleBasedStateMachine):
    """Whatever a talk does, its history is valid, within its budget, and counts right."""

    def __init__(self) -> None:
        super().__init__()
        self.history = new_history(max_tokens=700)
        self.ids = (f"c{n}" for n in itertools.count())
        self.running: list[str] = []
        self.has_turn = False
        self.was_asked = False
        self.newest_text = ""

    @rule(text=texts)
    def user_speaks(self, text: str) -> None:
        self.history.begin_turn("t")
        self.history.add_user(text)
        self.has_turn, self.was_asked, self.running, self.newest_text = True, False, [], text

    @rule(text=st.sampled_from(["c", "n" * 300]), kind=st.sampled_from(["context", "task"]))
    def back_end_adds_something(self, text: str, kind: NoteKind) -> None:
        self.history.begin_turn("t")
        self.history.add_note(text, kind)
        self.has_turn, self.was_asked, self.running, self.newest_text = True, False, [], ""

    @rule(answer=answers)
    def result_is_told(self, answer: dict[str, Any]) -> None:
        self.history.begin_turn("t")
        self.history.add_result(call(next(self.ids)), answer)
        self.has_turn, self.was_asked, self.running, self.newest_text = True, False, [], ""

    @precondition(lambda self: self.has_turn)
    @rule()
    def model_is_asked(self) -> None:
        self.running = []
        try:
            prompt = self.history.for_api()
        except ContextTooLong:
            self.history.drop_rejected()
            self.has_turn = False
            return
        self.was_asked = True
        assert violations(prompt if len(prompt) > 1 else [*prompt, USER]) == []
        assert strict_violations(request_messages(prompt)) == []
        assert size(prompt) / 3 <= 700
        if len(self.history) and self.newest_text:
            assert any(m["content"] == self.newest_text for m in prompt), "the newest turn stays"

    @precondition(lambda self: self.was_asked)
    @rule()
    def service_accepts(self) -> None:
        self.history.accepted()

    @precondition(lambda self: self.was_asked)
    @rule()
    def service_refuses(self) -> None:
        self.history.drop_rejected()
        self.has_turn = self.was_asked = False

    @precondition(lambda self: self.was_asked)
    @rule()
    def service_finds_it_too_long(self) -> None:
        self.history.drop_older_half()

    @precondition(lambda self: self.was_asked)
    @rule(times=st.integers(1, 4))
    def service_finds_it_too_long_however_short(self, times: int) -> None:
        before = list(self.history)
        self.history.accepted()
        for _ in range(times):
            self.history.drop_older_half()
        self.history.take_back()
        assert list(self.history) == before

    @precondition(lambda self: self.was_asked)
    @rule(text=st.text(max_size=30))
    def agent_speaks(self, text: str) -> None:
        self.history.add_assistant(text)

    @precondition(lambda self: self.was_asked)
    @rule(text=st.text(max_size=10), count=st.integers(1, 3))
    def model_calls_tools(self, text: str, count: int) -> None:
        self.running = [next(self.ids) for _ in range(count)]
        made = write if count == 2 else call
        self.history.add_calls(text, [made(name) for name in self.running])

    @precondition(lambda self: self.running)
    @rule(answer=answers)
    def tool_ends(self, answer: dict[str, Any]) -> None:
        self.history.settle(self.running.pop(), answer)

    @rule(text=st.sampled_from(["s", "n" * 300, "ñ" * 2000]))
    def summary_comes(self, text: str) -> None:
        self.history.set_summary(text, text)

    @rule()
    def leavers_are_taken(self) -> None:
        left = self.history.take_left()
        assert all(turn.messages and validate(turn.messages) == [] for turn in left), "turns leave whole"

    @invariant()
    def is_valid(self) -> None:
        assert validate(self.history) == []
        assert violations([USER, *self.history]) == []

    @invariant()
    def counts_no_less_than_it_holds(self) -> None:
        assert self.history.message_count >= sum(m["role"] in ("user", "assistant") for m in self.history)


HistoryMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_history_is_valid_and_within_its_budget_whatever_happens = HistoryMachine.TestCase


@given(texts=st.lists(st.text(max_size=200), min_size=1, max_size=15), budget=st.integers(100, 400))
def test_newest_text_is_in_every_prompt_or_refused(texts: list[str], budget: int):
    history = new_history(max_tokens=budget)
    for text in texts:
        history.begin_turn("t")
        history.add_user(text)
        try:
            prompt = history.for_api()
        except ContextTooLong:
            history.drop_rejected()
            assert len(text.encode()) / 3 > budget - 30
        else:
            assert prompt[-1]["content"] == text
            assert size(prompt) / 3 <= budget
            history.accepted()


# What was heard of an interrupted turn


def interrupted_history() -> History:
    history = new_history()
    history.begin_turn("a")
    history.add_user("cuenta")
    history.add_calls("Miro", [call("c1")])
    history.add_assistant("Uno dos tres")
    return history


@pytest.mark.parametrize(
    ("chars", "said"),
    [(0, ""), (4, "Miro"), (9, "Miro\n\nUno"), (100, "Miro\n\nUno dos tres")],
)
def test_cut_is_made_anew_when_more_or_less_was_heard(chars: int, said: str):
    history = interrupted_history()
    history.cut_speech(8)

    assert history.recut_speech("a", chars) == said
    assert validate(history) == []
    assert history.message_count == 2 + (chars > 4)


def test_only_the_turn_that_was_cut_last_is_cut_anew():
    history = interrupted_history()
    history.cut_speech(8)

    assert history.recut_speech("z", 3) is None


def test_turn_in_whose_place_another_comes_leaves_no_trace():
    history = interrupted_history()
    history.forget_turn("a")

    assert list(history) == []
    assert history.message_count == 0
    assert history.take_unwritten() == []


# Results that were not told


def telling(history: History) -> History:
    """A turn that has told two results, one of them by calling again."""
    talked(history, "hola").begin_turn("b")
    history.add_result(call("r1"), done("uno"))
    history.add_result(write("r2"), done("dos"))
    history.for_api()
    history.accepted()
    history.add_calls("Miro.", [call("c1")])
    return history


def test_results_are_taken_out_and_what_came_of_them_stays():
    history = telling(new_history())
    history.take_out({"r1", "r2"})

    assert contents(history)[2:] == ["Miro.", '{"status":"running","call_id":"c1"}']
    assert history.message_count == 3
    assert history.take_unwritten() == history[2:]
    assert validate(list(history)) == []
    assert strict_violations(request_messages(history.for_api())) == []


def test_results_of_other_turns_stay():
    history = telling(new_history())
    history.begin_turn("c")
    history.take_out({"r1", "r2"})

    assert sum(message["role"] == "tool" for message in history) == 3


def test_turn_that_is_cut_anew_does_not_bring_back_results_that_were_taken_out():
    history = new_history()
    history.begin_turn("a")
    history.add_result(call("r1"), done("uno"))
    history.add_assistant("Llegó uno.")
    history.cut_speech(0)
    history.take_out({"r1"})

    assert len(history) == 0
    assert history.recut_speech("a", 5) == "Llegó"
    assert contents(history) == ["Llegó"]
    assert history.message_count == 1
