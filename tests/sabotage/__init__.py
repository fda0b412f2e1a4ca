"""Runners that leave out a step of the protocol, so that a test can see what the step is for."""
