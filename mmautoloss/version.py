"""The version of this package; journals, exported losses and the set-up name it."""

VERSION = '0.1.0'
