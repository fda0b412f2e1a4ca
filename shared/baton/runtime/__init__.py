"""The runner of every service that decides.

To read it in order: runner, session (one stay in the group), opening (of a shard), polling and
due_work (what there is to do), shard_work (batches), transaction, fence, deciding, saving,
publisher.
"""
