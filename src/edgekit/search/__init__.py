"""The best student inside a budget: what may be chosen, what it costs, who trains on, what was found."""
