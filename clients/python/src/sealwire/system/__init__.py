"""The tools that every server has."""
