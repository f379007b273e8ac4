//! What `verify` looks for: one name for each thing, the same in code, output, tests and `docs/verify.md`.

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The file is not what it should be.
    Error,
    /// Worth knowing; the file is sound.
    Note,
}

impl Severity {
    /// `error` or `note`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Note => "note",
        }
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $severity:ident, $hint:literal;)*) => {
        /// One thing that can be found.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $($(#[$doc])* $variant,)*
        }

        impl Rule {
            /// All rules, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in kebab case, which never changes.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How much it matters.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// What to do about it.
            #[must_use]
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$variant => $hint,)* }
            }
        }
    };
}

rules! {
    /// A line that a merge left behind.
    MergeConflict, "merge-conflict", Error,
        "resolve the conflict: take one side whole, and make the other side's change again with `secrets set`";
    /// The text is no YAML.
    NotYaml, "not-yaml", Error, "correct the syntax";
    /// A key twice in one mapping.
    DuplicateKey, "duplicate-key", Error, "remove one of the two; only one of them could take effect";
    /// YAML that SOPS refuses.
    RefusedDocument, "refused-document", Error, "correct the document; SOPS refuses the file";

    /// A file that should be encrypted and is not.
    NotEncrypted, "not-encrypted", Error,
        "encrypt it with `secrets encrypt -i FILE`; what has been committed in clear has to be replaced";
    /// Encrypted values, but no metadata.
    MetadataMissing, "metadata-missing", Error,
        "restore the `sops` block from history; without it nothing can be decrypted";
    /// The metadata is not a mapping.
    MetadataNotMapping, "metadata-not-mapping", Error, "restore the `sops` block from history";
    /// A field of the metadata is missing or empty.
    MetadataIncomplete, "metadata-incomplete", Error, "restore the `sops` block from history";
    /// A field of the metadata is not what it has to be.
    MetadataUnusable, "metadata-unusable", Error, "restore the field from history";
    /// Nobody is named who could open the file.
    NoRecipients, "no-recipients", Error, "restore the `sops` block from history; nobody can open the file";
    /// More than one selector.
    TwoSelectors, "two-selectors", Error, "keep the one that the file was encrypted with";
    /// A selector that does not compile.
    SelectorInvalid, "selector-invalid", Error,
        "correct the expression; SOPS ignores one that does not compile and may have left every value in clear";
    /// Documents of one file with different metadata.
    MetadataDiffers, "metadata-differs", Error,
        "SOPS goes by the first document's block, Flux by each document's own; copy the first one to the others";
    /// A later document has metadata, the first one has none.
    MetadataMisplaced, "metadata-misplaced", Error, "copy the `sops` block to the first document; SOPS looks there only";
    /// A later document has encrypted values and no metadata.
    MetadataNotRepeated, "metadata-not-repeated", Error,
        "copy the first document's `sops` block to this one; SOPS reads the file, Flux would not decrypt this document";
    /// The stored MAC is not an encrypted MAC.
    MacMalformed, "mac-malformed", Error, "restore the file from history";
    /// More groups are needed than there are.
    ThresholdTooHigh, "threshold-too-high", Error, "restore the `sops` block from history";
    /// One group would do, or it is not said how many are needed.
    ThresholdTooLow, "threshold-too-low", Error,
        "restore the `sops` block from history; SOPS splits a data key for two groups at least, and writes how many";

    /// A recipient that is none.
    RecipientInvalid, "recipient-invalid", Error,
        "correct the recipient in the policy, and wrap the file for it with `secrets rotate`";
    /// A private key where a recipient belongs.
    RecipientIsPrivate, "recipient-is-private", Error,
        "remove it from the file and its history, and replace that identity: everybody could read it";
    /// A recipient twice in one group.
    RecipientDuplicate, "recipient-duplicate", Error, "remove one of the two entries";
    /// A wrapped data key that nobody can open.
    WrappedKeyBroken, "wrapped-key-broken", Error, "restore the entry from history, or rotate the file";
    /// The same wrapped data key under two recipients.
    WrappedKeyRepeated, "wrapped-key-repeated", Error,
        "one of the two recipients is not whom it is wrapped for; make the list follow the policy";

    /// A value that should be encrypted and is not.
    ValueInClear, "value-in-clear", Error,
        "encrypt it with `secrets set`; what has been committed in clear has to be replaced";
    /// An encrypted value that will never be decrypted.
    ValueNotSelected, "value-not-selected", Error,
        "the file's selector leaves it as ciphertext for ever; move it, or encrypt the file anew with another selector";
    /// Something like an encrypted value that cannot be one.
    ValueMalformed, "value-malformed", Error, "restore the value from history, or set it anew with `secrets set`";
    /// An encrypted value with a tag that its ciphertext cannot have.
    ValueTagged, "value-tagged", Error, "remove the tag; the type of an encrypted value stands in its `type:`";
    /// An alias that brings an encrypted value to another path.
    AliasOfEncrypted, "alias-of-encrypted", Error,
        "an encrypted value is bound to its path; write the value out in place of the alias and set it";
    /// The selector picks nothing.
    NothingEncrypted, "nothing-encrypted", Error,
        "correct the selector in the policy and encrypt the file anew; now everything in it is in clear";

    /// A comment that looks encrypted but cannot be decrypted.
    CommentMalformed, "comment-malformed", Error,
        "restore it from history as `#ENC[…]`, without a blank after the #, or remove it";
    /// An encrypted comment that will never be decrypted.
    CommentNotSelected, "comment-not-selected", Error, "remove it; the file's selector leaves it as ciphertext for ever";
    /// An encrypted comment as an item of a list.
    CommentAsItem, "comment-as-item", Error,
        "SOPS 3.13 wrote it and cannot read it back (getsops/sops#2243); decrypt and encrypt the file with `secrets`";
    /// A comment in clear among encrypted values.
    CommentInClear, "comment-in-clear", Note,
        "nothing to do if it may be read by everybody; SOPS does not authenticate comments";

    /// The code over the values is not the stored one. With a key only.
    MacMismatch, "mac-mismatch", Error,
        "a value was changed, added, removed or moved without SOPS; compare with history before you trust the file";
    /// The stored code does not open. With a key only.
    MacUnreadable, "mac-unreadable", Error,
        "the MAC or `lastmodified` was changed without SOPS; compare with history before you trust the file";
    /// A value that was not encrypted for this place. With a key only.
    ValueUnauthentic, "value-unauthentic", Error,
        "it was changed, moved, or brought from another file; restore it from history, or set it anew";
    /// A value whose `type:` was changed. With a key only.
    ValueType, "value-type", Error, "restore the value from history, or set it anew";
    /// A comment that was not encrypted for this place. With a key only.
    CommentUnauthentic, "comment-unauthentic", Error,
        "it was changed or moved, and stays ciphertext; restore it from history, or remove it";
    /// A recipient's entry does not open with its own identity, or another's does. With a key only.
    RecipientMismatch, "recipient-mismatch", Error,
        "the list of recipients was changed without SOPS; compare it with the policy, and rotate the file";
}

impl std::fmt::Display for Rule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}
