"""`mcdrl accept`: how a model does at a hospital that it has never seen, held against what it promises."""
