"""How long, and how fast, a network is trained of which nobody says so."""

#: The learning rates.
DEFAULT_ETAS = (0.1, 0.2, 0.5, 0.8, 1.0, 2.0)
#: The number of updates.
DEFAULT_STEPS = 200
