"""Launches that follow each other made one kernel: read (launches), found (groups), written (text). Knows no device."""
