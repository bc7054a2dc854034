"""What is to be done: params.yaml as one typed whole, site cards, variants, splits, leaks."""
