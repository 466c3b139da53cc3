"""What all HTTP clients of the server have in common: bounds that their libraries do not set."""
