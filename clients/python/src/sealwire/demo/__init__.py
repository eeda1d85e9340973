"""Tools to try a server with."""
