"""The policy, as far as it is this service's."""
