"""The pages: a model, a device evaluation, a compiled program."""
