"""Every dialect of the chat-completions API by every situation of a talk.

`rules.py` says what services refuse, each rule with where it was seen and one change that breaks it;
`services.py` is the table of dialects: their rules, their words of refusal, how they stream; `standin.py` is
such a service on loopback; `situations.py` is what happens in a talk. A new dialect is an entry in
`SERVICES`, a new situation a function in `SITUATIONS`: the test of all pairs takes them up.
"""
