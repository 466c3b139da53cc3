"""Judgements on sound and words: voice activity, the end of a turn, barge-in, emotion."""
