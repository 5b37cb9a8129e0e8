//! What people (and machines) say about clips: schemes, annotators, annotations, queue, votes.
//!
//! Deliberately absent: storage (see `store`) and the keys of the screen.
