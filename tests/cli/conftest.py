"""The boards that edgekit knows, and the programs of this computer that build for them and stand in for them."""
