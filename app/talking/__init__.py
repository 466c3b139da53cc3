"""What makes a session hear and speak: its ear, its mouth, and the manners between them."""
