"""What a lead's fields mean, whoever wrote them: pure functions of what was sent and the bundle.

None of it enters an id: what a package's list says may change with its next release.
"""
