"""The model files that speech needs: what they are, where they come from, how they are installed."""
