"""The senders that Baton understands, each in a file that reads as the vendor's documentation."""
