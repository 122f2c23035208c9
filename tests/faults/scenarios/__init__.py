"""One file for each guarantee of `docs/guarantees.md`: what is done to the installation, and what must hold then."""
