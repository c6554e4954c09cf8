"""Teachers and students: training, distillation, pruning. torch lives here."""
