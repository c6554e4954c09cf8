"""The stages that make a model: teach, distill, prune, convert, embed. torch and tensorflow live here alone."""
