//! The folder sql/ for one environment: its variables, and the queries that it brings.

use std::path::{Path, PathBuf};

use crate::check::differences;
use crate::error::SnowflakeError;
use crate::external_table;
use crate::lake_tables::LakeTable;
use crate::script::{Script, read};
use crate::settings::Settings;
use crate::statements::{Statement, split};
use crate::variables::Variables;

/// The scripts' folder with the values of one environment.
#[derive(Debug)]
pub struct Environment {
    folder: PathBuf,
    variables: Variables,
}

/// Where values come from beside the environment's file, each over the one before.
#[derive(Debug, Clone, Copy, Default)]
pub struct Values<'a> {
    /// The database and the warehouse of a session, so that it and its scripts mean the same.
    pub settings: Option<&'a Settings>,
    /// What `terraform output -json platform` tells.
    pub platform: Option<&'a str>,
    /// `name=value` each.
    pub assignments: &'a [String],
}

/// What Terraform tells and no file of the repository does: the variable, the output's name, and what serves where it does
/// not matter.
const TERRAFORMS: [(&str, &str, &str); 4] = [
    ("lake_url", "lake", "s3://bucket/lake"),
    ("storage_role_arn", "snowflake_role_arn", "arn:aws:iam::0:role/none"),
    ("alarms_topic_arn", "alarms_topic_arn", "arn:aws:sns:none:0:none"),
    ("alarms_role_arn", "snowflake_alarms_role_arn", "arn:aws:iam::0:role/none"),
];

impl Environment {
    /// The values of `environments/<name>.vars` in `folder`, and `values` over them.
    ///
    /// # Errors
    /// The file is not there, an assignment is none, or the platform's outputs are not Terraform's.
    pub fn load(folder: &Path, name: &str, values: Values<'_>) -> Result<Self, SnowflakeError> {
        let path = folder.join(format!("environments/{name}.vars"));
        let text = text_of(&path)?;
        let mut variables = Variables::of_text(&path.display().to_string(), &text)?;
        if let Some(settings) = values.settings {
            for (name, value) in [("database", &settings.database), ("warehouse", &settings.warehouse)] {
                if let Some(value) = value {
                    variables.set(&format!("{name}={value}"))?;
                }
            }
        }
        for assignment in values.platform.map(of_platform).transpose()?.into_iter().flatten() {
            variables.set(&assignment)?;
        }
        for assignment in values.assignments {
            variables.set(assignment)?;
        }
        Ok(Self { folder: folder.to_owned(), variables })
    }

    /// `settings`, with the environment's owner and warehouse where they name none.
    ///
    /// # Errors
    /// No variable names the database.
    pub fn session(&self, settings: &Settings) -> Result<Settings, SnowflakeError> {
        let owner = format!("{}_owner", self.database()?);
        let mut settings = settings.clone();
        settings.role.get_or_insert(owner);
        settings.warehouse =
            settings.warehouse.or_else(|| self.variables.get("warehouse").map(str::to_owned));
        Ok(settings)
    }

    /// The database that all is in.
    ///
    /// # Errors
    /// No variable names it.
    pub fn database(&self) -> Result<&str, SnowflakeError> {
        let missing = || {
            SnowflakeError::Variable(
                "the variable database has no value: give --set database=NAME".to_owned(),
            )
        };
        self.variables.get("database").ok_or_else(missing)
    }

    /// What a deployment runs.
    ///
    /// # Errors
    /// As [`read`].
    pub fn scripts(&self) -> Result<Vec<Script>, SnowflakeError> {
        read(&self.folder, &self.variables)
    }

    /// Where the scripts' external tables are not the lake's. What Terraform alone tells does not matter to that.
    ///
    /// # Errors
    /// A script cannot be read.
    pub fn differences(&self) -> Result<Vec<String>, SnowflakeError> {
        let mut variables = self.variables.clone();
        for (name, _, any) in TERRAFORMS {
            if variables.get(name).is_none() {
                variables.set(&format!("{name}={any}"))?;
            }
        }
        let tables = external_table::of_scripts(&read(&self.folder, &variables)?)?;
        Ok(differences(&LakeTable::all()?, &tables))
    }

    /// The names of the queries that come along, in their order.
    ///
    /// # Errors
    /// Their folder cannot be read.
    pub fn samples(&self) -> Result<Vec<String>, SnowflakeError> {
        let path = self.folder.join("queries");
        let entries = std::fs::read_dir(&path).map_err(|source| SnowflakeError::Read { path, source })?;
        let names =
            entries.flatten().filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned()));
        let mut names: Vec<_> = names.collect();
        names.sort();
        Ok(names)
    }

    /// A query that comes along, by its name or the name behind its number.
    ///
    /// # Errors
    /// There is none of this name, or it is not one statement.
    pub fn sample(&self, name: &str) -> Result<Statement, SnowflakeError> {
        let known = self.samples()?;
        let named = |one: &&String| *one == name || one.split_once('_').is_some_and(|(_, rest)| rest == name);
        let Some(found) = known.iter().find(named) else {
            let known = known.join(", ");
            return Err(SnowflakeError::Variable(format!("there is no query {name}; there are {known}")));
        };
        let text = text_of(&self.folder.join(format!("queries/{found}.sql")))?;
        self.statement(found, &text)
    }

    /// One statement that somebody wrote, with the variables' values.
    ///
    /// # Errors
    /// It is none or several.
    pub fn statement(&self, file: &str, text: &str) -> Result<Statement, SnowflakeError> {
        let mut statements = split(file, &self.variables.render(file, text)?)?;
        match (statements.pop(), statements.len()) {
            (Some(statement), 0) => Ok(statement),
            (found, others) => {
                let problem = format!(
                    "one statement is asked at a time, and these are {}",
                    others + usize::from(found.is_some())
                );
                Err(SnowflakeError::Script { file: file.to_owned(), line: 1, problem })
            }
        }
    }
}

/// The assignments in Terraform's output of the platform.
fn of_platform(text: &str) -> Result<Vec<String>, SnowflakeError> {
    let wrong = |what: &str| {
        SnowflakeError::Variable(format!(
            "the platform's outputs {what}: give what `terraform output -json platform` tells"
        ))
    };
    let outputs: serde_json::Value = serde_json::from_str(text).map_err(|_| wrong("are no JSON"))?;
    let assignments = TERRAFORMS.iter().map(|(variable, output, _)| {
        let value = outputs[*output].as_str().ok_or_else(|| wrong(&format!("do not tell {output}")))?;
        Ok(format!("{variable}={}", value.trim_end_matches('/')))
    });
    assignments.collect()
}

fn text_of(path: &Path) -> Result<String, SnowflakeError> {
    std::fs::read_to_string(path).map_err(|source| SnowflakeError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sql")
    }

    fn settings(more: &[(&str, &str)]) -> Settings {
        let key = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----";
        let required = [("SNOWFLAKE_ACCOUNT", "a"), ("SNOWFLAKE_USER", "u"), ("SNOWFLAKE_PRIVATE_KEY", key)];
        let variables = required.iter().chain(more);
        Settings::of(variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))).unwrap()
    }

    fn dev(values: Values<'_>) -> Environment {
        Environment::load(&repository(), "dev", values).unwrap()
    }

    #[test]
    fn a_session_and_its_scripts_mean_the_same() {
        let of = |more: &[(&str, &str)], assignments: &[String]| {
            let settings = settings(more);
            let environment = dev(Values { settings: Some(&settings), assignments, ..Values::default() });
            let session = environment.session(&settings).unwrap();
            let told = [session.role, session.warehouse].map(Option::unwrap);
            assert_eq!(environment.variables.get("warehouse"), Some(told[1].as_str()));
            told
        };
        assert_eq!(of(&[], &[]), ["MILLRACE_DEV_owner", "MILLRACE_DEV"]);
        let own = [("SNOWFLAKE_DATABASE", "MINE"), ("SNOWFLAKE_WAREHOUSE", "OWN")];
        assert_eq!(of(&own, &[]), ["MINE_owner", "OWN"]);
        assert_eq!(of(&[("SNOWFLAKE_ROLE", "ME")], &["warehouse=W".to_owned()]), ["ME", "W"]);
        let error = Environment::load(&repository(), "nowhere", Values::default()).unwrap_err().to_string();
        assert!(error.contains("environments/nowhere.vars"), "{error}");
    }

    #[test]
    fn what_terraform_tells_is_taken_from_its_output() {
        let platform = Some(
            r#"{"lake": "s3://lake/dev/", "snowflake_role_arn": "arn:aws:iam::1:role/x", "bucket": "lake",
                "alarms_topic_arn": "arn:aws:sns:x:1:alarms", "snowflake_alarms_role_arn": "arn:aws:iam::1:role/y"}"#,
        );
        let environment = dev(Values { platform, ..Values::default() });
        assert_eq!(environment.variables.get("lake_url"), Some("s3://lake/dev"));
        assert_eq!(environment.variables.get("alarms_role_arn"), Some("arn:aws:iam::1:role/y"));
        assert!(environment.scripts().unwrap().len() > 12);
        let refused = |platform| {
            let values = Values { platform: Some(platform), ..Values::default() };
            Environment::load(&repository(), "dev", values).unwrap_err().to_string()
        };
        assert!(refused("{}").contains("do not tell lake") && refused("x").contains("no JSON"));
    }

    #[test]
    fn scripts_are_checked_without_terraforms_word_and_not_deployed_without_it() {
        let environment = dev(Values::default());
        assert_eq!(environment.differences().unwrap(), Vec::<String>::new());
        let told = environment.scripts().unwrap_err().to_string();
        let lacks = |name: &str| told.contains(&format!("the variable {name} has no value"));
        assert!(TERRAFORMS.iter().any(|(name, ..)| lacks(name)), "{told}");
    }

    #[test]
    fn queries_that_come_along_are_found_by_name() {
        let environment = dev(Values::default());
        assert_eq!(environment.samples().unwrap().len(), 12);
        let query = environment.sample("totals").unwrap();
        assert!(
            query.text.starts_with("SELECT") && query.text.contains("MILLRACE_DEV.gold.users"),
            "{}",
            query.text
        );
        assert_eq!(environment.sample("02_totals").unwrap(), query);
        assert!(environment.sample("total").unwrap_err().to_string().contains("02_totals"));
        assert!(
            environment
                .statement("query", "SELECT 1; SELECT 2")
                .unwrap_err()
                .to_string()
                .contains("these are 2")
        );
        assert!(environment.statement("query", "-- nothing").is_err());
    }
}
