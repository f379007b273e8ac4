//! Recipients as people read them: a post-quantum one has 1,959 characters.

/// A recipient of so many characters is shown whole: every X25519 one is.
const WHOLE_CHARACTERS: usize = 72;
/// How much of the beginning of a longer one is shown, and of its end: enough to tell two apart.
const SHOWN_AT_EACH_END: usize = 16;
/// How much of the comment of an SSH key is shown.
const COMMENT_CHARACTERS: usize = 40;

/// `recipient` as it is, or its beginning and end; of an SSH key its type, its end and its comment. Control characters
/// are left out.
#[must_use]
pub fn shorten_recipient(recipient: &str) -> String {
    let recipient: String = recipient.chars().filter(|character| !character.is_control()).collect();
    let mut words = recipient.splitn(3, ' ');
    if let (Some(kind), Some(key)) = (words.next().filter(|kind| kind.starts_with("ssh-")), words.next()) {
        let comment = words.next().map(|comment| format!(" {}", first(comment.trim(), COMMENT_CHARACTERS)));
        return format!("{} …{}{}", first(kind, SHOWN_AT_EACH_END), last(key), comment.unwrap_or_default());
    }
    if recipient.chars().nth(WHOLE_CHARACTERS).is_none() {
        return recipient;
    }
    format!("{}…{}", first(&recipient, SHOWN_AT_EACH_END), last(&recipient))
}

fn first(text: &str, count: usize) -> String {
    text.chars().take(count).collect()
}

fn last(text: &str) -> String {
    let excess = text.chars().count().saturating_sub(SHOWN_AT_EACH_END);
    text.chars().skip(excess).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(recipient: &str, expected: &str) {
        assert_eq!(shorten_recipient(recipient), expected);
    }

    #[test]
    fn what_is_short_stays_whole() {
        let alice = "age1sv0vp6ss66u8z9yjtsr59cvunt7rppmc5hcer7hef7a4ns93vqgqmkpa42";
        check(alice, alice);
        check("", "");
        check("x\u{1b}[2J\n", "x[2J");
    }

    #[test]
    fn what_is_long_is_told_apart_by_both_ends() {
        let long = format!("age1pq1{}0123456789abcdef", "q".repeat(1936));
        check(&long, "age1pq1qqqqqqqqq…0123456789abcdef");
        check(&"é".repeat(73), &format!("{0}…{0}", "é".repeat(16)));
    }

    #[test]
    fn an_ssh_key_is_told_apart_by_its_end_and_its_comment() {
        let key = "AAAAC3NzaC1lZDI1NTE5AAAAIBZpQcZ5NwiBBPF8Xg6L1HfvJhPVDBUBMqc0kfBmnjQE";
        check(&format!("ssh-ed25519 {key}"), "ssh-ed25519 …DBUBMqc0kfBmnjQE");
        check(&format!("ssh-ed25519 {key} me@host"), "ssh-ed25519 …DBUBMqc0kfBmnjQE me@host");
        check("ssh-rsa", "ssh-rsa");
    }
}
