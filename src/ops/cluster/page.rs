//! Text that fits a terminal of 80 columns: tables, and lists that go on in the next line.

/// The columns of the narrowest terminal that people use.
const WIDTH: usize = 80;

/// Between two columns.
const GAP: &str = "  ";

/// The narrowest that a column is made, in characters.
const NARROWEST: usize = 12;

/// How much of a long text is shown, in characters: of a recipient, enough to tell it apart.
const HEAD: usize = 8;
const TAIL: usize = 4;

/// The text without what would move the cursor or begin another line: names of files can hold anything.
fn clean(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

/// How many columns `text` takes.
fn width(text: &str) -> usize {
    text.chars().count()
}

/// The beginning and the end of an identifier that is long: `age1cr7z…p7jj`.
pub(in crate::ops) fn shortened(id: &str) -> String {
    middle_left_out(&clean(id), HEAD + 1 + TAIL, HEAD)
}

/// `text` in at most `room` characters, `head` of them from its beginning.
fn middle_left_out(text: &str, room: usize, head: usize) -> String {
    let count = width(text);
    if count <= room {
        return text.to_owned();
    }
    let tail = room.saturating_sub(head + 1);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    format!("{start}…{end}")
}

/// A table below `header`. Columns of numbers, whose names are in `numbers`, stand to the right; those in `elastic` give
/// way, in this order, where the table is too wide.
pub(super) fn table(header: &[&str], numbers: &[&str], elastic: &[&str], rows: &[Vec<String>]) -> String {
    let cells: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| clean(cell)).collect()).collect();
    let mut widths: Vec<usize> = header.iter().map(|name| width(name)).collect();
    for row in &cells {
        widths.iter_mut().zip(row).for_each(|(wide, cell)| *wide = (*wide).max(width(cell)));
    }
    for name in elastic {
        let total: usize = widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1);
        let column = header.iter().zip(&mut widths).find(|(column, _)| *column == name);
        if let Some((_, wide)) = column {
            *wide = (*wide).min(wide.saturating_sub(total.saturating_sub(WIDTH)).max(NARROWEST));
        }
    }
    let mut out = String::new();
    let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    for row in std::iter::once(&header).chain(&cells) {
        let shown = row.iter().zip(&widths).zip(&header).map(|((cell, wide), name)| {
            let cell = middle_left_out(cell, *wide, wide / 3);
            let blanks = " ".repeat(wide.saturating_sub(width(&cell)));
            if numbers.contains(&name.as_str()) { format!("{blanks}{cell}") } else { format!("{cell}{blanks}") }
        });
        out.push_str(shown.collect::<Vec<_>>().join(GAP).trim_end());
        out.push('\n');
    }
    out
}

/// `items` with commas behind `label`, in as many lines as it takes; those after the first are indented to the same
/// column.
pub(in crate::ops) fn wrapped(label: &str, items: &[String]) -> String {
    let last = items.len().saturating_sub(1);
    let comma = |position| if position < last { "," } else { "" };
    filled(label, items.iter().enumerate().map(|(position, item)| format!("{item}{}", comma(position))))
}

/// The words of `text` behind `label`, as [`wrapped`].
pub(super) fn paragraph(label: &str, text: &str) -> String {
    filled(label, text.split(' ').map(str::to_owned))
}

fn filled(label: &str, items: impl Iterator<Item = String>) -> String {
    let indent = " ".repeat(width(label));
    let mut lines = vec![label.to_owned()];
    for item in items {
        let item = clean(&item);
        let Some(line) = lines.last_mut() else { break };
        let is_first = *line == *label || *line == indent;
        if is_first {
            line.push_str(&item);
        } else if width(line) + 1 + width(&item) <= WIDTH {
            line.push(' ');
            line.push_str(&item);
        } else {
            lines.push(format!("{indent}{item}"));
        }
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_eighty_columns() {
        let row = |path: &str, count: &str| vec![path.to_owned(), count.to_owned()];
        let rows = [row(&"p".repeat(100), "7"), row("a\nb", "1234567")];
        let text = table(&["PATH", "FILES"], &["FILES"], &["PATH"], &rows);
        assert_eq!(text.lines().map(width).collect::<Vec<_>>(), [80, 80, 80]);
        assert_eq!(text.lines().nth(2).unwrap(), format!("a\u{fffd}b{}1234567", " ".repeat(70)));
        assert_eq!(table(&["A", "B"], &[], &["A"], &[row("x", "y")]), "A  B\nx  y\n");
    }

    #[test]
    fn a_list_goes_on_below_itself() {
        let items: Vec<String> = (10..40).map(|number| format!("item{number}")).collect();
        let text = wrapped("  by  ", &items);
        assert!(text.lines().all(|line| width(line) <= WIDTH && line.starts_with("  ")));
        assert_eq!(text.split_whitespace().count(), items.len() + 1);
        assert_eq!(wrapped("x ", &["a".to_owned()]), "x a\n");
        assert_eq!(
            paragraph("x ", &"word ".repeat(20)),
            format!("x {0}word\n  word word word word word\n", "word ".repeat(14))
        );
        assert_eq!(wrapped("x ", &[]), "x\n");
    }

    #[test]
    fn an_identifier_is_shown_by_its_ends() {
        assert_eq!(shortened("age1cr7z5yxz5xyen5ld9a77cm6a2srhdxpsz59e4skmvlaqacxy5pusstp7jj"), "age1cr7z…p7jj");
        assert_eq!(shortened("short"), "short");
    }
}
