//! The anchors of one document, and aliases to those that are complete.

/// An anchor whose node is complete, so that an alias to it is no circle.
struct Anchor {
    name: String,
    is_map: bool,
    /// Scalars that an alias to it stands for.
    weight: usize,
}

/// Aliases to more scalars than this are left out: expanded in each other they would grow without bound.
const WEIGHT_MAX: usize = 12;

#[derive(Default)]
pub(super) struct Anchors {
    complete: Vec<Anchor>,
    begun: usize,
}

impl Anchors {
    /// A new document knows nothing of the anchors before it.
    pub(super) fn forget(&mut self) {
        self.complete.clear();
    }

    /// The name of an anchor whose node begins now.
    pub(super) fn begin(&mut self) -> String {
        self.begun += 1;
        let stem = if self.begun.is_multiple_of(2) { "x_" } else { "app-" };
        format!("{stem}{}", self.begun)
    }

    /// From here on aliases may name it, if it stands for few scalars.
    pub(super) fn end(&mut self, name: String, is_map: bool, weight: usize) {
        if weight <= WEIGHT_MAX {
            self.complete.push(Anchor { name, is_map, weight });
        }
    }

    /// An alias to the anchor with this number, modulo how many there are, and its weight.
    pub(super) fn alias(&self, pick: usize) -> Option<(String, usize)> {
        let anchor = self.complete.get(pick % self.complete.len().max(1))?;
        Some((format!("*{}", anchor.name), anchor.weight))
    }

    /// The value of a merge key over the map anchors with these numbers, and its weight.
    pub(super) fn merge(&self, picks: &[usize]) -> Option<(String, usize)> {
        let maps: Vec<&Anchor> = self.complete.iter().filter(|anchor| anchor.is_map).collect();
        let picked = picks.iter().filter_map(|pick| maps.get(pick % maps.len().max(1)));
        let (aliases, weights): (Vec<String>, Vec<usize>) =
            picked.map(|anchor| (format!("*{}", anchor.name), anchor.weight)).unzip();
        let value = match aliases.as_slice() {
            [] => return None,
            [alias] => alias.clone(),
            aliases => format!("[{} ]", aliases.join(" , ")),
        };
        Some((value, weights.iter().sum()))
    }
}
