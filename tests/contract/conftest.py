"""How the contract's properties are tried."""

from hypothesis import settings

# An example takes as long as a busy machine makes it take.
settings.register_profile("contract", deadline=None)
settings.load_profile("contract")
