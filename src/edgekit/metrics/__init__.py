"""Figures of merit, their intervals and decisions: numpy alone."""
