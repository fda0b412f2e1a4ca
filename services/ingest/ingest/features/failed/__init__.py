"""Deliveries that are kept whole, since nobody understood them yet: listed, shown, replayed."""
