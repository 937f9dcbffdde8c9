//! Antialiased crops of a photo through a similarity.
