"""What recognises and synthesises speech: models in worker processes, and Azure."""
