"""A local page on which the numbers of a model can be moved and the result is seen to change: `mechopt explore`."""
