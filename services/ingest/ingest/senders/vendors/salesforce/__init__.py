"""Salesforce: outbound messages, and change events that something relays to us."""
