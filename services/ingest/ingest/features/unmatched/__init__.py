"""Follow-ups and activities that name somebody whom nobody has captured yet: kept, tried again."""
