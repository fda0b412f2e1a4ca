"""Enquiries that a rule of the bundle holds back until somebody releases or discards them."""
