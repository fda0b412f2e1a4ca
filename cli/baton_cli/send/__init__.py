"""`baton send`: leads, activities and follow-ups from a file."""
