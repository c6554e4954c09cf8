"""The serial protocol's one definition: frames, and the messages in them."""
