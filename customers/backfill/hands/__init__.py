"""One run done by many: what it was planned to do lies in shares, and workers take them one after the other.

How a batch is done knows nothing of it: `engine.apply` takes batches as they come, here from shares.
"""
