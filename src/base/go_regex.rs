//! Regular expressions in the dialect of Go's `regexp` package, which `.sops.yaml` and the selectors are written in.
