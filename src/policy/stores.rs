//! `stores`: how files of each format are laid out.

use super::{
    error::{PolicyError, PolicyErrorKind},
    node::Node,
    reader::Reader,
};

const STORE_FIELDS: &[&str] = &["dotenv", "ini", "json_binary", "json", "yaml"];

/// The indentation of a level of YAML where nothing else is said, in spaces.
const DEFAULT_YAML_INDENT_SPACES: usize = 4;

/// What a level of JSON is indented with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JsonIndent {
    /// A tab.
    #[default]
    Tab,
    /// So many spaces.
    Spaces(usize),
}

/// How files are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stores {
    /// Spaces of a level of YAML, from 2 to 9: what SOPS makes of `yaml.indent`.
    pub yaml_indent: usize,
    /// Whether the policy says so, or it is the default.
    pub yaml_indent_given: bool,
    /// `json.indent`.
    pub json_indent: JsonIndent,
    /// `json_binary.indent`.
    pub json_binary_indent: JsonIndent,
}

impl Default for Stores {
    fn default() -> Self {
        Self {
            yaml_indent: DEFAULT_YAML_INDENT_SPACES,
            yaml_indent_given: false,
            json_indent: JsonIndent::Tab,
            json_binary_indent: JsonIndent::Tab,
        }
    }
}

pub(super) fn parse(reader: &mut Reader<'_>, node: &Node) -> Result<Stores, PolicyError> {
    let mut stores = Stores::default();
    for (key, value) in reader.map(node, "stores")? {
        match key.name.as_str() {
            "yaml" => {
                // The YAML library of SOPS takes what is out of its range for 2.
                let spaces = match indent(reader, value, "yaml")? {
                    None | Some((0, _)) => None,
                    Some((spaces @ 2..=9, _)) => usize::try_from(spaces).ok(),
                    Some((1 | 10.., _)) => Some(2),
                    Some((negative, at)) => return Err(out_of_range(reader, negative, at)),
                };
                stores.yaml_indent_given = spaces.is_some();
                stores.yaml_indent = spaces.unwrap_or(DEFAULT_YAML_INDENT_SPACES);
            }
            "json" => stores.json_indent = json_indent(reader, value, "json")?,
            "json_binary" => stores.json_binary_indent = json_indent(reader, value, "json_binary")?,
            "dotenv" | "ini" => drop(reader.map(value, "stores")?),
            _ => reader.warn_unknown(key, STORE_FIELDS),
        }
    }
    Ok(stores)
}

fn json_indent(reader: &mut Reader<'_>, node: &Node, store: &'static str) -> Result<JsonIndent, PolicyError> {
    match indent(reader, node, store)? {
        None | Some((-1, _)) => Ok(JsonIndent::Tab),
        Some((spaces, at)) => {
            usize::try_from(spaces).map(JsonIndent::Spaces).map_err(|_negative| out_of_range(reader, spaces, at))
        }
    }
}

/// The `indent` of a store, and where it stands.
fn indent(reader: &mut Reader<'_>, node: &Node, store: &'static str) -> Result<Option<(i64, usize)>, PolicyError> {
    let mut indent = None;
    for (key, value) in reader.map(node, store)? {
        if key.name == "indent" {
            indent = reader.integer(value, "indent")?.map(|number| (number, value.used_at));
        } else {
            reader.warn_unknown(key, &["indent"]);
        }
    }
    Ok(indent)
}

fn out_of_range(reader: &Reader<'_>, value: i64, at: usize) -> PolicyError {
    reader.error(at, PolicyErrorKind::OutOfRange { field: "indent", value })
}
