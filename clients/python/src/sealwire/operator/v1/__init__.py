"""The generated messages of `sealwire.operator.v1`: the tools of operators. Import each from its own module."""
