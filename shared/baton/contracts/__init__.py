"""What Baton promises to whoever reads its topics, as documents, and a check that it is kept.

`python -m baton.contracts write` makes the documents of `docs/` from `events.py` and `topics.py`,
`check` says where they differ from what is kept there, `release` makes the present contract the one
that later changes are measured by. All three refuse a change that would break a reader.
"""
