from app.speech.engines.tts.load import FIRST_GUESS, TtsAdmission


def answers_at(ratio: float, workers: int = 1) -> TtsAdmission:
    """Answers on a machine that needs so many seconds for a second of sound."""
    answers = TtsAdmission(workers)
    for _ in range(100):
        answers.measure(ratio, 1.0, 0.0)
    return answers


def test_one_answer_at_a_time_where_the_machine_makes_one():
    answers = answers_at(0.9)

    assert answers.begin("a", 0.0)
    answers.add_sound("a", 5.0, 0.0)
    assert not answers.begin("b", 1.0)
    assert answers.may_use("a") and not answers.may_use("b")


def test_answer_that_has_been_heard_makes_room():
    answers = answers_at(0.9)
    answers.begin("a", 0.0)
    answers.add_sound("a", 5.0, 0.0)

    assert answers.speaking(5.9) == 1
    assert answers.begin("b", 6.1)


def test_fast_machine_speaks_several():
    answers = answers_at(0.24)

    assert [answers.begin(talk, 0.0) for talk in "abcd"] == [True, True, True, False]


def test_second_answer_of_a_worker_leaves_time_for_what_users_say():
    """Where the two take nine tenths of a second for a second of sound, one of them has gaps."""
    answers = answers_at(0.45)

    assert [answers.begin(talk, 0.0) for talk in "ab"] == [True, False]


def test_more_workers_speak_more():
    answers = answers_at(0.9, workers=3)

    assert [answers.begin(talk, 0.0) for talk in "abcd"] == [True, True, True, False]


def test_overloaded_machine_speaks_none_until_the_measure_is_old():
    answers = answers_at(2.0)

    assert not answers.begin("a", 1.0)
    assert answers.begin("a", 60.0)
    assert answers.ratio(60.0) == FIRST_GUESS


def test_what_was_decided_stays_for_the_answer():
    answers = answers_at(0.9)
    answers.begin("a", 0.0)
    for _ in range(100):
        answers.measure(3.0, 1.0, 1.0)

    assert answers.may_use("a")
    answers.give_up("a")
    assert not answers.may_use("a") and answers.knows("a") and not answers.knows("b")


def test_new_answer_of_the_same_talk_does_not_count_the_old_one():
    answers = answers_at(0.9)
    answers.begin("a", 0.0)
    answers.add_sound("a", 60.0, 0.0)

    assert answers.begin("a", 1.0)
    assert answers.ahead_s("a", 1.0) == 0


def test_how_far_ahead_of_the_listener_it_is():
    answers = answers_at(0.9)
    answers.begin("a", 0.0)
    answers.add_sound("a", 2.0, 10.0)

    assert answers.ahead_s("a", 11.0) == 1.0
    assert answers.ahead_s("unknown", 11.0) == 0.0


def test_talks_do_not_pile_up():
    answers = answers_at(0.9)
    for number in range(2001):
        answers.begin(f"talk {number}", float(number))

    assert not answers.knows("talk 0") and answers.knows("talk 1")


def test_sound_of_no_length_measures_nothing():
    answers = answers_at(0.9)
    answers.measure(1.0, 0.0, 0.0)

    assert abs(answers.ratio(0.0) - 0.9) < 1e-6
