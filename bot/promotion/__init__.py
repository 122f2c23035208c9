"""`govorun promote`: what proved to be better takes a seed's place."""
