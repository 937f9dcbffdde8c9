"""Kinora's motion denoiser: what happens and when, as curves. See ../README.md."""
