//! The words of Hudun as types.
