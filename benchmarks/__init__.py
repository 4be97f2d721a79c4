"""What the README claims, measured: ratios of things timed in the same run on the same machine."""
