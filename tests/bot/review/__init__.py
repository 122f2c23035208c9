"""Tests of the operators' pages and their API."""
