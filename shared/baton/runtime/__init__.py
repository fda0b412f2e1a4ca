"""How a service consumes, decides and publishes, so that each event takes effect once."""
