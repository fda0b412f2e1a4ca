"""What is known of a person here, told to whoever may ask, and forgotten when it must be."""
