"""The version of this package, which journals and exported losses record."""

VERSION = '0.1.0'
