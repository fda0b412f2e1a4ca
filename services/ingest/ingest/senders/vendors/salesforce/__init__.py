"""Salesforce: outbound messages, and change events from a relay."""
