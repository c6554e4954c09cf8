"""Two models side by side: what each of two files says of a model, how they differ, and what must not happen."""
