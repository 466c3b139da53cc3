"""A session's speech input: sound, utterances, their words, and barge-in."""
