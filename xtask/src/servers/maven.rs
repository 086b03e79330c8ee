//! What Maven publishes, unpacked once into the user's cache.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::commands::quietly;

/// The goal that unpacks one artifact. This version asks for the artifact alone; later ones also resolve its parent poms, and
/// Apicurio's is not published.
const UNPACK: &str = "org.apache.maven.plugins:maven-dependency-plugin:2.10:unpack";

/// An archive of Maven's, by its coordinates: `group:artifact:version:packaging:classifier`, the version pinned, so that an
/// answer changes only with a commit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Archive(pub(super) &'static str);

impl Archive {
    /// The folder under `cache` where it is unpacked; fetched first where it is not there yet.
    pub(super) fn unpacked(self, cache: &Path) -> anyhow::Result<PathBuf> {
        let name = self.0.replace([':', '.'], "-");
        let folder = cache.join(&name);
        std::fs::create_dir_all(cache).with_context(|| format!("could not create {}", cache.display()))?;
        // Two runs at once would unpack over one another; the lock ends with this process.
        let lock = File::create(cache.join(format!("{name}.lock")))?;
        lock.lock().with_context(|| format!("could not lock {}", folder.display()))?;
        // Written last: without it a download was cut off, and is begun again.
        let complete = folder.join(".complete");
        if complete.exists() {
            return Ok(folder);
        }
        eprintln!("fetching {} into {}, once", self.0, folder.display());
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        // The plugin leaves its notes where it is called.
        let notes = folder.join("maven");
        std::fs::create_dir_all(&notes)?;
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B", UNPACK]).arg(format!("-Dartifact={}", self.0));
        maven.arg(format!("-DoutputDirectory={}", folder.display())).current_dir(&notes);
        quietly(&mut maven)?;
        std::fs::remove_dir_all(&notes)?;
        File::create(&complete)?;
        Ok(folder)
    }
}

/// Programs with all they depend on, as `group:artifact:version`, pinned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Jars {
    pub(super) name: &'static str,
    pub(super) artifacts: &'static [&'static str],
    /// What whoever uses them has already, as `group:artifact`.
    pub(super) without: &'static [&'static str],
}

impl Jars {
    /// The folder of their jars under `cache`; fetched first where it is not there yet.
    pub(super) fn fetched(self, cache: &Path) -> anyhow::Result<PathBuf> {
        let folder = cache.join(self.name);
        let lib = folder.join("lib");
        std::fs::create_dir_all(cache).with_context(|| format!("could not create {}", cache.display()))?;
        // As above: one at a time, and whole or begun again.
        let lock = File::create(cache.join(format!("{}.lock", self.name)))?;
        lock.lock().with_context(|| format!("could not lock {}", folder.display()))?;
        let complete = folder.join(".complete");
        if complete.exists() {
            return Ok(lib);
        }
        eprintln!("fetching {} into {}, once", self.artifacts.join(", "), folder.display());
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("pom.xml"), self.pom())?;
        let mut maven = Command::new("mvn");
        maven.args([
            "-q",
            "-B",
            "dependency:copy-dependencies",
            "-DincludeScope=runtime",
            "-DoutputDirectory=lib",
        ]);
        quietly(maven.current_dir(&folder))?;
        File::create(&complete)?;
        Ok(lib)
    }

    fn pom(self) -> String {
        let mut excluded = String::new();
        for artifact in self.without {
            let (group, name) = artifact.split_once(':').unwrap_or_default();
            excluded.push_str(&format!(
                "<exclusion><groupId>{group}</groupId><artifactId>{name}</artifactId></exclusion>"
            ));
        }
        let mut dependencies = String::new();
        for artifact in self.artifacts {
            let mut parts = artifact.split(':');
            let mut part = || parts.next().unwrap_or_default();
            let (group, name, version) = (part(), part(), part());
            dependencies.push_str(&format!(
                "<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version><exclusions>{excluded}</exclusions></dependency>"
            ));
        }
        format!(
            "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
             <groupId>millrace</groupId><artifactId>{}</artifactId><version>1</version>\
             <dependencies>{dependencies}</dependencies></project>\n",
            self.name
        )
    }
}

/// Why Maven cannot fetch anything here; `None` where it can.
pub(super) fn missing() -> Option<String> {
    match Command::new("mvn").arg("-v").output() {
        Ok(output) if output.status.success() => None,
        _ => Some("there is no Maven on the path (mvn), which fetches it".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jars_are_asked_for_by_their_coordinates_and_kept() {
        let jars = Jars { name: "server-1", artifacts: &["g:a_2.13:1.0", "h:b:2"], without: &["i:c"] };
        let pom = jars.pom();
        assert!(
            pom.contains("<groupId>g</groupId><artifactId>a_2.13</artifactId><version>1.0</version>"),
            "{pom}"
        );
        assert!(
            pom.contains("<exclusion><groupId>i</groupId><artifactId>c</artifactId></exclusion>"),
            "{pom}"
        );
        assert!(pom.contains("<groupId>h</groupId><artifactId>b</artifactId><version>2</version>"), "{pom}");
        let cache = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(cache.path().join("server-1")).unwrap();
        std::fs::write(cache.path().join("server-1/.complete"), "").unwrap();
        assert_eq!(jars.fetched(cache.path()).unwrap(), cache.path().join("server-1/lib"));
    }

    #[test]
    fn what_is_unpacked_is_used_as_it_is() {
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().join("g-a-1-0-tar-gz-all");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(".complete"), "").unwrap();
        assert_eq!(Archive("g:a:1.0:tar.gz:all").unpacked(cache.path()).unwrap(), folder);
    }
}
