"""What several tools are built of; no tools themselves."""
