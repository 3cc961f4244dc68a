//! What the pages refuse.
