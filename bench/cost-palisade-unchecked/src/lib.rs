//! What palisade costs without schema validation: a package that needs it and does nothing with it.
