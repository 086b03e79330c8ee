//! The dead letters that a lake keeps.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use millrace_lake::dead_letter_line::DeadLetter;

/// The letters of one generation of `users_created`.
pub fn of_generation(lake: &Path, generation: &str) -> Result<Vec<DeadLetter>> {
    of_topic(lake, "users_created", generation)
}

/// The letters of one generation of a topic; none where there is no file. The file has to be its owner's alone.
pub fn of_topic(lake: &Path, topic: &str, generation: &str) -> Result<Vec<DeadLetter>> {
    let path = lake.join(format!("_dead_letters/{topic}/{generation}.jsonl"));
    if !path.exists() {
        return Ok(Vec::new());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;

        let mode = path.metadata()?.permissions().mode() & 0o777;
        ensure!(mode == 0o600, "{} has mode {mode:o}", path.display());
    }
    let text = std::fs::read_to_string(&path)?;
    ensure!(text.ends_with('\n'), "the last line of {} is torn", path.display());
    text.lines().map(|line| DeadLetter::from_line(line).context("a line of dead letters")).collect()
}

/// All letters of `users_created`, whatever their generation.
pub fn all(lake: &Path) -> Result<Vec<DeadLetter>> {
    let Ok(entries) = std::fs::read_dir(lake.join("_dead_letters/users_created")) else {
        return Ok(Vec::new());
    };
    let mut letters = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        if let Some(generation) = name.to_str().and_then(|name| name.strip_suffix(".jsonl")) {
            letters.extend(of_generation(lake, generation)?);
        }
    }
    Ok(letters)
}

/// A header of a letter's story.
pub fn header<'l>(letter: &'l DeadLetter, name: &str) -> Result<&'l str> {
    let found = letter.headers.iter().find(|(header, _)| header == name);
    let value = found.and_then(|(_, value)| value.as_deref()).with_context(|| format!("no header {name}"))?;
    Ok(std::str::from_utf8(value)?)
}
