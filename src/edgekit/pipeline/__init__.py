"""build_model: the walk from images to artefacts, its stages and their cache."""
