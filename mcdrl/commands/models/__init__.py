"""Commands for trained models: predict, export, pack, inspect."""
