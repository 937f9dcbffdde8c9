//! BT.709 conversion between RGB and limited-range I420.
