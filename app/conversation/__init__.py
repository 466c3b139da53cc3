"""How a talk goes: its turns, one after another."""
