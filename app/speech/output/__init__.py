"""A session's speech output: answers spoken clause by clause, paced, and what of them was heard."""
