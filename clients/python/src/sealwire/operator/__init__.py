"""The messages of the tools of operators."""
