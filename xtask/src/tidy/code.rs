//! Rust text without what is not code.

/// `text` with comments, strings and characters blanked; lines stay where they are.
pub(super) fn code_only(text: &str) -> String {
    let mut rest = text;
    let mut code = String::with_capacity(text.len());
    while let Some(first) = rest.chars().next() {
        let skip = literal_or_comment(rest, code.chars().next_back());
        if skip == 0 {
            code.push(first);
            rest = tail(rest, first.len_utf8());
        } else {
            let blanked = head(rest, skip);
            // A mark keeps `b` and `"` of a string from joining its neighbours.
            code.push(' ');
            code.extend(blanked.chars().filter(|c| *c == '\n'));
            rest = tail(rest, skip);
        }
    }
    code
}

/// Length in bytes of the comment, string or character at the beginning of `text`; 0 if there is
/// none. `before` is the character before it.
fn literal_or_comment(text: &str, before: Option<char>) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return block_comment(text);
    }
    if text.starts_with('"') {
        return quoted(text, '"');
    }
    if text.starts_with('\'') {
        return character(text);
    }
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if !in_word && let Some(length) = raw_string(text) {
        return length;
    }
    0
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        let rest = tail(text, at);
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth = depth.saturating_sub(1);
            at += 2;
        } else {
            match rest.chars().next() {
                Some(c) => at += c.len_utf8(),
                None => return text.len(),
            }
        }
        if depth == 0 {
            return at;
        }
    }
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// A character, or nothing if the quote begins a lifetime.
fn character(text: &str) -> usize {
    let mut inside = text.chars().skip(1);
    match (inside.next(), inside.next()) {
        (Some('\\'), _) => quoted(text, '\''),
        (Some(c), Some('\'')) => c.len_utf8() + 2,
        _ => 0,
    }
}

/// `r"…"`, `r#"…"#`, `br"…"` and so on.
fn raw_string(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r"].into_iter().find(|prefix| text.starts_with(prefix))?;
    let after = text.get(prefix.len()..)?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after.get(hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = prefix.len() + hashes + 1;
    Some(body.find(&end).map_or(text.len(), |at| start + at + end.len()))
}

fn head(text: &str, length: usize) -> &str {
    text.get(..length).unwrap_or(text)
}

fn tail(text: &str, from: usize) -> &str {
    text.get(from..).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_left() {
        fn check(text: &str, expect: &str) {
            assert_eq!(code_only(text), expect, "{text}");
        }
        check("a // b\nc", "a  \nc");
        check("a /* b /* c */ d\n */ e", "a  \n e");
        check(r#"f("x\"y", z)"#, "f( , z)");
        check(r##"f(r#"x"y"#, br"z")"##, "f( ,  )");
        check(r"f('\'', '/', b'x')", "f( ,  , b )");
        check("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)");
        check("bar\"x\"", "bar ");
        check("\"open", " ");
        check("/* open", " ");
        check("let é = 'é';", "let é =  ;");
    }
}
