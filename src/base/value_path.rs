//! `a.b[2]`: the address of a value, shared by documents, commands and findings.
