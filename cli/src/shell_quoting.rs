//! Words of commands that a person is to paste into a shell.

/// `word`, quoted where a shell would take it for something else: `my lake` is `'my lake'`.
pub(crate) fn quoted(word: &str) -> String {
    // A word with a NUL is none; no address has one.
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), |quoted| quoted.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_word_that_was_meant() {
        for plain in ["./lake", "s3://bucket/prefix", "/data/lake-1"] {
            assert_eq!(quoted(plain), plain);
        }
        for word in ["my lake", "it's", "$HOME/x", "a;b", "~/lake", "", "a\nb", "(x)", "\"q\"", "*"] {
            let mut echoed = std::process::Command::new("sh");
            echoed.arg("-c").arg(format!("printf %s {}", quoted(word)));
            let echoed = echoed.output().unwrap();
            assert_eq!(String::from_utf8(echoed.stdout).unwrap(), word);
        }
    }
}
