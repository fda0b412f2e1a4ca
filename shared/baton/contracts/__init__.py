"""The contract with readers of the topics, as generated documents, and the check that a release
keeps it. `python -m baton.contracts write` generates the documents of `docs/` from `events.py` and
`topics.py`. `check` lists the documents that differ from the code. `release` makes the present
contract the one that later changes are compared with. All three refuse a change that would break a
reader.
"""
