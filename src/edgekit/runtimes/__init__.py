"""What runs a network on this machine, behind one call: images in, logits out."""
