"""The release number, in one place: setuptools reads it here without importing the package."""

__version__ = "0.1.0"
