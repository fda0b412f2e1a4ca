"""Which lead a delivery is about: by what the delivery says, or by the aliases of known leads."""
