"""How the schema came to be, step by step; run by `app.storage.migrate` at each start."""
