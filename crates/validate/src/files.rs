//! The repository's files that a deployment reads.

use crate::finding::Finding;
use crate::machine::Machine;

/// In the path `{environment}` stands for the environment's name.
const FILES: [(&str, &str); 5] = [
    ("infra/tables.json", "check out the whole repository, and run this at its root or with --root"),
    ("infra/envs/{environment}/main.tf", "copy infra/envs/dev under the environment's name"),
    ("sql/environments/{environment}.vars", "copy sql/environments/dev.vars under the environment's name"),
    ("sql/bootstrap.sql", "check out the whole repository, and run this at its root or with --root"),
    (".github/workflows/deploy.yml", "check out the whole repository: deployments are that workflow's"),
];

pub(crate) fn check(machine: &dyn Machine, environment: &str) -> Vec<Finding> {
    let one = |(path, remedy): &(&str, &str)| {
        let path = path.replace("{environment}", environment);
        match machine.file(&path) {
            Some(_) => Finding::ok(path, "is there"),
            None => Finding::missing(path, "is not there", *remedy),
        }
    };
    FILES.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;
    use crate::machine::fake::Fake;

    #[test]
    fn an_environments_own_files_are_looked_for() {
        let files = [("infra/tables.json", ""), ("sql/environments/dev.vars", "")];
        let machine = Fake { files: files.into_iter().collect(), ..Fake::default() };
        let state = |environment: &str, path: &str| {
            check(&machine, environment).into_iter().find(|finding| finding.check == path).unwrap().state
        };
        assert_eq!(state("dev", "infra/tables.json"), State::Ok);
        assert_eq!(state("dev", "sql/environments/dev.vars"), State::Ok);
        assert_eq!(state("prod", "sql/environments/prod.vars"), State::Missing);
    }
}
