"""The boards that edgekit knows: facts, toolchains, emulators, costs."""
