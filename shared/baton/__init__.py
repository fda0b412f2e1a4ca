"""The library that all services of Baton stand on."""
