//! Every verb of the program, without a terminal.
