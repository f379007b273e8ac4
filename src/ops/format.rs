//! The types of files that SOPS knows, and which of them are supported so far.

use std::path::Path;

/// A type of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.yaml`, `.yml`.
    Yaml,
    /// `.json`.
    Json,
    /// `.env`.
    Dotenv,
    /// `.ini`.
    Ini,
    /// Everything else.
    Binary,
}

/// A type that cannot be worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The type is known, and not supported.
    #[error("{0} files are not supported yet, only YAML")]
    Unsupported(Format),
    /// The name does not say.
    #[error("standard input has no name that would tell its type")]
    Unknown,
}

impl Format {
    /// All types, by the names that `sops` gives them.
    pub const ALL: [(&'static str, Self); 5] = [
        ("yaml", Self::Yaml),
        ("json", Self::Json),
        ("dotenv", Self::Dotenv),
        ("ini", Self::Ini),
        ("binary", Self::Binary),
    ];

    /// The type that `sops` takes a file of that name for: by its extension, in lower case only.
    #[must_use]
    pub fn of_name(name: &Path) -> Self {
        // Unlike `Path::extension`, `sops` sees one in `.env` too.
        let name = name.file_name().unwrap_or_default().as_encoded_bytes();
        let ends = |end: &str| name.ends_with(end.as_bytes());
        match () {
            () if ends(".yaml") || ends(".yml") => Self::Yaml,
            () if ends(".json") => Self::Json,
            () if ends(".env") => Self::Dotenv,
            () if ends(".ini") => Self::Ini,
            () => Self::Binary,
        }
    }

    /// The type of an encrypted file called `name`, by its content; `None` for what SOPS did not write.
    /// Looks for marks only, and parses nothing.
    #[must_use]
    pub fn find_encrypted(name: &Path, content: &[u8]) -> Option<Self> {
        let holds = |mark: &str| holds(content, mark.as_bytes());
        let begins = |mark: &str| content.starts_with(mark.as_bytes()) || holds(&format!("\n{mark}"));
        let format = match Self::of_name(name) {
            Self::Yaml => return (holds("lastmodified") && holds("mac") && holds("sops")).then_some(Self::Yaml),
            _ if !holds("ENC[AES256_GCM,") => return None,
            format => format,
        };
        let is_json = content.trim_ascii_start().first() == Some(&b'{') && holds("\"sops\"") && holds("\"mac\"");
        match format {
            Self::Json | Self::Binary if is_json => Some(format),
            Self::Dotenv if begins("sops_mac=") => Some(format),
            Self::Ini if begins("[sops]") => Some(format),
            _ => None,
        }
    }

    /// The type, if it is supported.
    ///
    /// # Errors
    /// [`FormatError::Unsupported`].
    pub const fn supported(self) -> Result<Self, FormatError> {
        match self {
            Self::Yaml => Ok(self),
            _ => Err(FormatError::Unsupported(self)),
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Yaml => "YAML",
            Self::Json => "JSON",
            Self::Dotenv => "dotenv",
            Self::Ini => "INI",
            Self::Binary => "binary",
        })
    }
}

/// Searches from the end, near which SOPS puts its marks.
fn holds(content: &[u8], mark: &[u8]) -> bool {
    let Some((last, _)) = mark.split_last() else { return true };
    let mut rest = content;
    while let Some(at) = rest.iter().rposition(|byte| byte == last) {
        if rest.get(..=at).is_some_and(|head| head.ends_with(mark)) {
            return true;
        }
        rest = rest.get(..at).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_type_as_it_does_for_sops() {
        let check = |name: &str, format| assert_eq!(Format::of_name(Path::new(name)), format, "{name}");
        check("a/b.sops.yaml", Format::Yaml);
        check("b.yml", Format::Yaml);
        check("b.json", Format::Json);
        check(".env", Format::Dotenv);
        check("b.ini", Format::Ini);
        check("b.YAML", Format::Binary);
        check("yaml", Format::Binary);
        check("", Format::Binary);
    }

    #[test]
    fn an_encrypted_file_is_told_by_its_content() {
        let check = |name: &str, content: &str, format| {
            assert_eq!(Format::find_encrypted(Path::new(name), content.as_bytes()), format, "{name}: {content}");
        };
        check("a.yaml", "a: ENC[AES256_GCM,x]\nsops:\n  lastmodified: x\n  mac: ENC[\n", Some(Format::Yaml));
        check("a.yaml", "a: sops\n", None);
        check("a.env", "A=ENC[AES256_GCM,x]\nsops_mac=ENC[\n", Some(Format::Dotenv));
        check("a.env", "A=ENC[AES256_GCM,x]\nxsops_mac=ENC[\n", None);
        check("a.ini", "[sops]\nmac = ENC[AES256_GCM,x]\n", Some(Format::Ini));
        check("a.pem", "{\"data\": \"ENC[AES256_GCM,x]\", \"sops\": {\"mac\": \"x\"}}", Some(Format::Binary));
        check("README.md", "sops: mac: lastmodified: ENC[AES256_GCM,x]", None);
    }
}
