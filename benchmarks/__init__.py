"""Measurements against the targets, beside the libraries they are compared with."""
