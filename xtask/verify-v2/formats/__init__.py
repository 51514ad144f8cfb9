"""Kinds of vector files. Each takes a parsed file and a tally, and checks case by case."""
