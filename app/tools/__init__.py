"""The tools that models may call, and what runs them."""
