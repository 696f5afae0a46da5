"""The mathematics of a training: a network, its quantities, and a run of them."""
