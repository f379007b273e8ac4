//! The spelling of new YAML: how SOPS writes a value that was not there before.
