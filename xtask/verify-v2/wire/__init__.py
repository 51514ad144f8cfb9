"""The bytes of the second profile, from docs/spec/wire-v2.md alone."""
