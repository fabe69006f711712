//! What palisade with default features costs to build: a package that needs it and does nothing with it.
