//! An explanation as text for people.

use std::fmt::{self, Display, Formatter};

use super::explain::{Chosen, Explanation, KeyExplanation, Note, Problem, RuleExplanation, SopsWould};

/// `explanation` as lines of text, the last one ended too.
#[must_use]
pub fn render_explanation(explanation: &Explanation) -> String {
    Page(explanation).to_string()
}

struct Page<'e>(&'e Explanation);

impl Display for Page<'_> {
    fn fmt(&self, page: &mut Formatter<'_>) -> fmt::Result {
        let Explanation { file, policy, chosen, subject, .. } = self.0;
        writeln!(page, "file      {}", file.display())?;
        match policy {
            Some(policy) => {
                let how = match chosen {
                    Chosen::Nearest => "nearest upward from the file",
                    Chosen::Given => "named by --config or SOPS_CONFIG",
                };
                writeln!(page, "policy    {} ({how})", policy.display())?;
            }
            None => writeln!(page, "policy    none upward from the file")?,
        }
        if let Some(subject) = subject {
            writeln!(page, "matched   {subject}")?;
        }
        for rule in &self.0.passed_over {
            writeln!(page, "rule {:<4} line {}: no, `{}` is not found", rule.rule, rule.line, rule.path_regex)?;
        }
        if let Some(rule) = &self.0.rule {
            render_rule(page, rule)?;
        }
        if let Some(problem) = &self.0.problem {
            writeln!(page, "problem   {}", problem_text(problem))?;
        }
        for note in &self.0.warnings {
            render_note(page, note)?;
        }
        writeln!(page, "sops      {}", sops_text(&self.0.sops))
    }
}

fn render_rule(page: &mut Formatter<'_>, rule: &RuleExplanation) -> fmt::Result {
    match &rule.path_regex {
        Some(regex) => {
            writeln!(page, "rule {:<4} line {}: yes, `{regex}` is found", rule.rule, rule.line)?;
        }
        None => {
            writeln!(page, "rule {:<4} line {}: yes, it is for every path", rule.rule, rule.line)?;
        }
    }
    let groups = rule.key_groups.len();
    for (number, group) in rule.key_groups.iter().enumerate() {
        if groups > 1 {
            writeln!(page, "group {}", number + 1)?;
        }
        for key in group {
            render_key(page, key)?;
        }
    }
    if groups > 1 {
        writeln!(page, "threshold {} of {groups} groups", rule.threshold)?;
    }
    let default = if rule.selector.default { " (the default)" } else { "" };
    writeln!(page, "selector  {}: {}{default}", rule.selector.kind, rule.selector.pattern)?;
    if rule.mac_only_encrypted {
        writeln!(page, "mac       covers encrypted values only")?;
    }
    Ok(())
}

fn render_key(page: &mut Formatter<'_>, key: &KeyExplanation) -> fmt::Result {
    write!(page, "for       ")?;
    if !key.names.is_empty() {
        write!(page, "{} ", key.names.join(", "))?;
    }
    if key.kind == "age" { writeln!(page, "{}", key.id) } else { writeln!(page, "{} {}", key.kind, key.id) }
}

fn render_note(page: &mut Formatter<'_>, note: &Note) -> fmt::Result {
    write!(page, "warning   {}", note.path.display())?;
    if let (Some(line), Some(column)) = (note.line, note.column) {
        write!(page, ":{line}:{column}")?;
    }
    writeln!(page, ": {}", note.message)
}

fn problem_text(problem: &Problem) -> &str {
    match problem {
        Problem::NoPolicy => "there is no .sops.yaml upward from the file",
        Problem::NoRules => "the policy has no creation_rules",
        Problem::NoMatch => "no creation rule matches",
        Problem::Unusable { message } => message,
    }
}

fn sops_text(sops: &SopsWould) -> String {
    match sops {
        SopsWould::UseTheSame => "would use the same policy from here".to_owned(),
        SopsWould::FindNone => "would find no policy from here".to_owned(),
        SopsWould::MatchNone { policy } => {
            format!("would use {} from here, in which no rule matches", policy.display())
        }
        SopsWould::UseAnother { policy, rule, line, same_result } => {
            let result = if *same_result { "to the same result" } else { "to another result" };
            format!("would use rule {rule} (line {line}) of {} from here, {result}", policy.display())
        }
        SopsWould::Fail { policy, message } => {
            format!("would use {} from here and fail: {message}", policy.display())
        }
    }
}
