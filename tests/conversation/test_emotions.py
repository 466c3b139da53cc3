"""How the user of a talk seems to feel; the judgement itself is tested in tests/speech/detection."""

from app.conversation.emotions import EmotionDetector


def test_words_are_judged():
    emotion = EmotionDetector(is_on=True).judge("Otra vez lo mismo, ya te lo dije y no funciona", "es")

    assert emotion is not None and emotion.label == "frustrated"


def test_pace_is_judged_beside_the_users_own_mean():
    moods = EmotionDetector(is_on=True)
    for _ in range(3):
        moods.judge("uno dos tres cuatro cinco seis", "es", 3000)

    emotion = moods.judge("dime otra ciudad más grande ahora", "es", 1000)

    assert emotion is not None and emotion.label == "hurried"


def test_nothing_is_judged_where_it_is_off():
    assert EmotionDetector(is_on=False).judge("¡otra vez mal!", "es") is None
