"""What our client costs, and what Baileys does, measured side by side in one run."""
