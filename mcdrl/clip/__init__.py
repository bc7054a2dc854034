"""CLIP models behind one interface: frames and prompts into one joint space, densely."""
