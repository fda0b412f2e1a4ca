"""Converts the fields of a lead to one notation, by pure functions of the delivery and the bundle.
No result is part of an id, because the lists of packages may change with their next release.
"""
