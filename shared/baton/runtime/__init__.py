"""The runner of every service that decides. Read it in this order: runner, session (membership in
the consumer group), opening (taking over a shard), polling and due_work (finding work), shard_work
(batches), transaction, fence, deciding, saving, publisher.
"""
