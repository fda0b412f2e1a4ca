"""Leads that a webhook names by an id alone wait here until their vendor has told the rest."""
