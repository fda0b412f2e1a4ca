"""`baton import`: a file of leads of any length, sent in batches, gone on with where it stopped."""
