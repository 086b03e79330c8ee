//! The Java that servers run on.

use std::process::Command;

/// Why no Java of at least version `least` runs here; `None` where one does.
pub(super) fn missing(least: u32) -> Option<String> {
    let Ok(output) = Command::new("java").arg("-version").output() else {
        return Some(format!("there is no java on the path; it runs on Java {least} or later"));
    };
    match major(&String::from_utf8_lossy(&output.stderr)) {
        Some(major) if major >= least => None,
        Some(major) => {
            Some(format!("the java on the path is version {major}; it runs on Java {least} or later"))
        }
        None => Some(format!("the java on the path tells no version; it runs on Java {least} or later")),
    }
}

/// The version of `openjdk version "17.0.15" 2025-04-15`.
fn major(said: &str) -> Option<u32> {
    let version = said.split('"').nth(1)?;
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match numbers.next()?.ok()? {
        // Up to Java 8 the version began with a 1.
        1 => numbers.next()?.ok(),
        major => Some(major),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn javas_version_is_read_of_all_ages() {
        assert_eq!(major("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime"), Some(17));
        assert_eq!(major("java version \"1.8.0_401\""), Some(8));
        assert_eq!(major("openjdk version \"21-ea\""), Some(21));
        assert_eq!(major("java: command not found"), None);
    }
}
