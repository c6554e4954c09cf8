"""Recipes: what to build, the built-in ones, reading and changing them."""
