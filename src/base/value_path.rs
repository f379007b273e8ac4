//! `a.b[2]`: the address of a value, shared by documents, commands and findings.

/// One step from a collection to a member.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// The value of this key of a mapping.
    Key(String),
    /// The element of this index of a list, from 0.
    Index(usize),
    /// Behind the last element of a list: `[+]`.
    Append,
}

/// The address of a value in a document: the steps from the top.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ValuePath(pub Vec<Step>);

/// Why a text is no path, with the byte offset at which reading stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a path: {fault} at character {}", offset + 1)]
pub struct ValuePathError {
    /// What is wrong.
    pub fault: ValuePathFault,
    /// The byte of the text.
    pub offset: usize,
}

/// What can be wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValuePathFault {
    /// Nothing at all.
    #[error("nothing in it")]
    Empty,
    /// A key was expected.
    #[error("a key is missing")]
    MissingKey,
    /// A quote without its partner.
    #[error("a quote is not closed")]
    OpenQuote,
    /// A `[` without its `]`.
    #[error("a bracket is not closed")]
    OpenBracket,
    /// Between brackets stands neither a number, nor `+`, nor a quoted key.
    #[error("brackets hold a number, `+`, or a key in quotes")]
    BadIndex,
    /// A step has to begin with `.` or `[`.
    #[error("`.` or `[` is missing")]
    MissingSeparator,
}

impl ValuePath {
    /// Reads `stringData.password`, `users[0].token`, `data."tls.crt"`, `list[+]`, and SOPS' own
    /// `["stringData"]["password"][0]`; both forms can be mixed. In quotes, `\` keeps the next character.
    ///
    /// # Errors
    /// [`ValuePathError`] with the offset.
    ///
    /// # Source
    /// `docs/cli.md`; the bracket form is that of SOPS 3.13.2, where keys cannot hold brackets.
    pub fn parse(text: &str) -> Result<Self, ValuePathError> {
        let mut reader = Reader { text, at: 0 };
        let mut steps = Vec::new();
        while let Some(next) = reader.peek() {
            match next {
                '[' => steps.push(reader.bracket()?),
                '.' if !steps.is_empty() => {
                    reader.at += 1;
                    steps.push(Step::Key(reader.key()?));
                }
                _ if steps.is_empty() => steps.push(Step::Key(reader.key()?)),
                _ => return Err(reader.error(ValuePathFault::MissingSeparator)),
            }
        }
        if steps.is_empty() {
            return Err(reader.error(ValuePathFault::Empty));
        }
        Ok(Self(steps))
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    const fn error(&self, fault: ValuePathFault) -> ValuePathError {
        ValuePathError { fault, offset: self.at }
    }

    fn key(&mut self) -> Result<String, ValuePathError> {
        match self.peek() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote),
            _ => {
                let length = self.rest().find(['.', '[']).unwrap_or(self.rest().len());
                let key = self.rest().get(..length).unwrap_or_default().to_owned();
                if key.is_empty() {
                    return Err(self.error(ValuePathFault::MissingKey));
                }
                self.at += length;
                Ok(key)
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, ValuePathError> {
        let open = self.error(ValuePathFault::OpenQuote);
        let mut key = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((offset, character)) = characters.next() {
            match character {
                '\\' => key.push(characters.next().ok_or(open)?.1),
                _ if character == quote => {
                    self.at += offset + 1;
                    return Ok(key);
                }
                _ => key.push(character),
            }
        }
        Err(open)
    }

    fn bracket(&mut self) -> Result<Step, ValuePathError> {
        let open = self.error(ValuePathFault::OpenBracket);
        self.at += 1;
        let step = if let Some(quote @ ('"' | '\'')) = self.peek() {
            Step::Key(self.quoted(quote)?)
        } else {
            let length = self.rest().find(']').ok_or(open)?;
            let inside = self.rest().get(..length).unwrap_or_default();
            let step = match inside {
                "+" => Step::Append,
                _ if inside.starts_with('+') => return Err(self.error(ValuePathFault::BadIndex)),
                _ => Step::Index(inside.parse().map_err(|_number| self.error(ValuePathFault::BadIndex))?),
            };
            self.at += length;
            step
        };
        if self.peek() != Some(']') {
            return Err(open);
        }
        self.at += 1;
        Ok(step)
    }
}

/// In the dotted form, with quotes around keys that need them.
impl std::fmt::Display for ValuePath {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(number) => write!(formatter, "[{number}]")?,
                Step::Append => formatter.write_str("[+]")?,
                Step::Key(key) => {
                    if index > 0 {
                        formatter.write_str(".")?;
                    }
                    let is_bare = !key.is_empty() && !key.contains(['.', '[', ']', '"', '\'', '\\', ' ', '\n', '\t']);
                    if is_bare {
                        formatter.write_str(key)?;
                    } else {
                        write!(formatter, "\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let path = ValuePath::parse(text).unwrap();
        assert_eq!(path.to_string(), expected);
        assert_eq!(ValuePath::parse(expected), Ok(path));
    }

    #[track_caller]
    fn check_refused(text: &str, fault: ValuePathFault, offset: usize) {
        assert_eq!(ValuePath::parse(text), Err(ValuePathError { fault, offset }));
    }

    #[test]
    fn both_forms_are_read_and_the_dotted_one_is_written() {
        check("stringData.password", "stringData.password");
        check("users[0].token", "users[0].token");
        check("data.\"tls.crt\"", "data.\"tls.crt\"");
        check("[\"stringData\"]['password'][2]", "stringData.password[2]");
        check("list[+]", "list[+]");
        check("a['x]y']", "a.\"x]y\"");
        check("\"a\\\"b\"", "\"a\\\"b\"");
        check("schlüssel.値", "schlüssel.値");
    }

    #[test]
    fn what_is_no_path_is_refused_with_its_place() {
        check_refused("", ValuePathFault::Empty, 0);
        check_refused("a..b", ValuePathFault::MissingKey, 2);
        check_refused("a.", ValuePathFault::MissingKey, 2);
        check_refused("a[1", ValuePathFault::OpenBracket, 1);
        check_refused("a[-1]", ValuePathFault::BadIndex, 2);
        check_refused("a[+1]", ValuePathFault::BadIndex, 2);
        check_refused("a[\"b]", ValuePathFault::OpenQuote, 2);
        check_refused("a[0]b", ValuePathFault::MissingSeparator, 4);
    }
}
