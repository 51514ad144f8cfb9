"""What the protocol is built from, by the RFCs alone. Slow, and not meant for secrets."""
