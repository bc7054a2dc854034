"""The parts that methods are built of: trunk, regions, intervention, head, losses."""
