//! Reading Rust source as far as the rules need it: without comments, texts and tests, names with their lines.
use std::path::{Path, PathBuf};

/// A source file below `src`, as written and as the rules see it.
pub(crate) struct File {
    /// Path from `src`, with `/`.
    pub(crate) path: String,
    /// The text as written.
    pub(crate) text: String,
    /// The text with comments, literals and `#[cfg(test)]` items blanked; lines stand where they stood.
    pub(crate) code: String,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), code: without_tests(&without_comments(text)) }
    }

    /// The top-level module the file belongs to; `lib` and `main` for the two roots.
    pub(crate) fn module(&self) -> &str {
        self.path.split('/').next().unwrap_or("").trim_end_matches(".rs")
    }

    /// The names of its module path: `sde/process.rs` is `[sde, process]`, `sde/mod.rs` is `[sde]`.
    fn depth(&self) -> usize {
        let names = self.path.split('/').count();
        let is_root = self.path == "lib.rs" || self.path == "main.rs";
        if is_root { 0 } else { names - usize::from(self.path.ends_with("/mod.rs")) }
    }

    /// Every word (identifier) of the code with its line.
    pub(crate) fn words(&self) -> Vec<(usize, &str)> {
        tokens(&self.code).into_iter().filter(|(_, token)| token.starts_with(is_word)).collect()
    }

    /// The names that stand right after `head::` (or in the braces after it), with their lines.
    pub(crate) fn after(&self, head: &str) -> Vec<(usize, &str)> {
        let tokens = tokens(&self.code);
        let mut found = Vec::new();
        for at in 0..tokens.len() {
            let is_head = tokens[at].1 == head && !(at > 0 && tokens[at - 1].1 == "::");
            if is_head && tokens.get(at + 1).is_some_and(|t| t.1 == "::") {
                names(&tokens[at + 2..], &mut found);
            }
        }
        found
    }

    /// The top-level modules that the code names: by `crate::`, the crate's own name, or enough `super::`.
    pub(crate) fn imports(&self) -> Vec<(usize, &str)> {
        let mut found = self.after("crate");
        found.extend(self.after("franka_imit"));
        let tokens = tokens(&self.code);
        for at in 0..tokens.len() {
            let starts = tokens[at].1 == "super" && !(at > 0 && tokens[at - 1].1 == "::");
            let supers = tokens[at..].chunks(2).take_while(|c| c[0].1 == "super" && c.len() == 2).count();
            if starts && supers == self.depth() {
                names(&tokens[at + 2 * supers..], &mut found);
            }
        }
        found
    }

    /// The lints of its inner `deny` attributes.
    pub(crate) fn denied(&self) -> Vec<String> {
        let code: String = self.code.chars().filter(|c| !c.is_whitespace()).collect();
        let lists = code.split("#![deny(").skip(1).filter_map(|rest| rest.split(")]").next());
        lists.flat_map(|list| list.split(',').map(str::to_owned)).filter(|lint| !lint.is_empty()).collect()
    }

    /// Files, from `src`, that hold modules compiled for tests only.
    pub(crate) fn test_files(&self) -> Vec<String> {
        let text = without_comments_only(&self.text);
        let folder = match self.path.rsplit_once('/') {
            _ if self.depth() == 0 => String::new(),
            Some((folder, "mod.rs")) => format!("{folder}/"),
            _ => format!("{}/", self.path.trim_end_matches(".rs")),
        };
        let beside = self.path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let mut found = Vec::new();
        for item in text.split("#[cfg(test)]").skip(1) {
            let head = item.split(['{', ';']).next().unwrap_or("");
            let Some(name) = head.split_whitespace().skip_while(|word| *word != "mod").nth(1) else {
                continue;
            };
            if let Some(path) = head.split("#[path").nth(1).and_then(|rest| rest.split('"').nth(1)) {
                found.push(format!("{beside}{path}"));
            } else if item[head.len()..].starts_with(';') {
                found.push(format!("{folder}{name}.rs"));
                found.push(format!("{folder}{name}/mod.rs"));
            }
        }
        found
    }
}

/// All of `src` but the files that only tests compile.
pub(crate) fn read(root: &Path) -> Vec<File> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for path in entries.map(|entry| entry.expect("a readable folder").path()) {
            match path.extension() {
                _ if path.is_dir() => folders.push(path),
                Some(extension) if extension == "rs" => files.push(open(root, &path)),
                _ => {}
            }
        }
    }
    let of_tests: Vec<String> = files.iter().flat_map(File::test_files).collect();
    files.retain(|file| !of_tests.contains(&file.path));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn open(root: &Path, path: &PathBuf) -> File {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let path = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
    File::new(&path, &text)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Words, `::` and single signs, each with its line.
fn tokens(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let (mut line, mut rest) = (1, code);
    while let Some(c) = rest.chars().next() {
        let length = match rest.find(|c| !is_word(c)).unwrap_or(rest.len()) {
            0 if rest.starts_with("::") => 2,
            0 => c.len_utf8(),
            word => word,
        };
        if !c.is_whitespace() {
            found.push((line, &rest[..length]));
        }
        line += usize::from(c == '\n');
        rest = &rest[length..];
    }
    found
}

/// The name at the start of `tokens`, or of each path in the braces there.
fn names<'a>(tokens: &[(usize, &'a str)], found: &mut Vec<(usize, &'a str)>) {
    let Some((line, first)) = tokens.first() else { return };
    if first.starts_with(is_word) {
        found.push((*line, first));
    }
    if *first != "{" {
        return;
    }
    let mut depth = 0;
    for pair in tokens.windows(2) {
        match pair[0].1 {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && matches!(pair[0].1, "{" | ",") && pair[1].1.starts_with(is_word) {
            found.push(pair[1]);
        }
    }
}

fn blank(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect()
}

fn without_comments(text: &str) -> String {
    lex(text, true)
}

fn without_comments_only(text: &str) -> String {
    lex(text, false)
}

/// `text` with its comments, and its string and character literals if `literals`, blanked.
fn lex(text: &str, literals: bool) -> String {
    let mut out = String::new();
    let mut rest = text;
    let mut in_word = false;
    while let Some(c) = rest.chars().next() {
        let comment = comment_length(rest);
        let literal = if comment == 0 { literal_length(rest, in_word) } else { 0 };
        let length = comment.max(literal).max(c.len_utf8());
        let piece = &rest[..length];
        out += &if comment > 0 || (literal > 0 && literals) { blank(piece) } else { piece.to_owned() };
        in_word = literal == 0 && comment == 0 && is_word(c);
        rest = &rest[length..];
    }
    out
}

fn comment_length(rest: &str) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    let (mut depth, mut at) = (0, 0);
    while rest.starts_with("/*") && at < rest.len() {
        match rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of the literal that `rest` starts with; 0 for none, and for lifetimes.
fn literal_length(rest: &str, in_word: bool) -> usize {
    let prefix = if in_word { 0 } else { rest.len() - rest.trim_start_matches(['b', 'c', 'r']).len() };
    let raw = rest[..prefix].contains('r');
    let hashes = if raw { rest[prefix..].len() - rest[prefix..].trim_start_matches('#').len() } else { 0 };
    let start = prefix + hashes;
    if rest[start..].starts_with('"') {
        let close = format!("\"{}", "#".repeat(hashes));
        let body = start + 1;
        return match raw {
            true => rest[body..].find(&close).map_or(rest.len(), |at| body + at + close.len()),
            false => body + quoted(&rest[body..], '"'),
        };
    }
    let body = match rest.strip_prefix('b').unwrap_or(rest).strip_prefix('\'') {
        Some(body) if !in_word || rest.starts_with('\'') => body,
        _ => return 0,
    };
    let is_char = body.starts_with('\\') || body.chars().nth(1) == Some('\'');
    if is_char { rest.len() - body.len() + quoted(body, '\'') } else { 0 }
}

/// Bytes up to and with the closing `quote`, over what a backslash escapes.
fn quoted(body: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    body.len()
}

/// `code` with each item under `#[cfg(test)]` blanked: to its `;`, or to the end of its braces.
fn without_tests(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        let mut depth = 0;
        let end = rest[at..].char_indices().find_map(|(offset, c)| {
            match c {
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => depth -= 1,
                _ => {}
            }
            (depth == 0 && matches!(c, ';' | '}')).then_some(at + offset + 1)
        });
        let end = end.unwrap_or(rest.len());
        out += &rest[..at];
        out += &blank(&rest[at..end]);
        rest = &rest[end..];
    }
    out + rest
}
