"""A module for each kind of sender, which reads as its vendor's documentation."""
