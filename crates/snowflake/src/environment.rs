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

/// What Terraform tells, and no file of the repository does.
const TERRAFORMS: [(&str, &str); 2] =
    [("lake_url", "s3://bucket/lake"), ("storage_role_arn", "arn:aws:iam::0:role/none")];

impl Environment {
    /// The values of `environments/<name>.vars`; over them the database and warehouse that `settings` logs in to, so that a
    /// session and its scripts mean the same; over these each `name=value` of `assignments`.
    ///
    /// # Errors
    /// The file is not there, or an assignment is none.
    pub fn load(
        folder: &Path,
        name: &str,
        settings: Option<&Settings>,
        assignments: &[String],
    ) -> Result<Self, SnowflakeError> {
        let path = folder.join(format!("environments/{name}.vars"));
        let text = text_of(&path)?;
        let mut variables = Variables::of_text(&path.display().to_string(), &text)?;
        let of_session = settings.map(|settings| (settings.database.as_deref(), settings.warehouse.as_str()));
        if let Some((database, warehouse)) = of_session {
            if let Some(database) = database {
                variables.set(&format!("database={database}"))?;
            }
            variables.set(&format!("warehouse={warehouse}"))?;
        }
        for assignment in assignments {
            variables.set(assignment)?;
        }
        Ok(Self { folder: folder.to_owned(), variables })
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
        for (name, any) in TERRAFORMS {
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

fn text_of(path: &Path) -> Result<String, SnowflakeError> {
    std::fs::read_to_string(path).map_err(|source| SnowflakeError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sql")
    }

    fn settings(database: &str) -> Settings {
        let key = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----";
        let variables = [
            ("SNOWFLAKE_ACCOUNT", "a"),
            ("SNOWFLAKE_USER", "u"),
            ("SNOWFLAKE_PRIVATE_KEY", key),
            ("SNOWFLAKE_ROLE", "r"),
            ("SNOWFLAKE_WAREHOUSE", "OWN"),
            ("SNOWFLAKE_DATABASE", database),
        ];
        Settings::of(variables.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap()
    }

    #[test]
    fn a_session_and_its_scripts_mean_the_same() {
        let of = |settings: Option<&Settings>, assignments: &[String]| {
            let environment = Environment::load(&repository(), "dev", settings, assignments).unwrap();
            (
                environment.database().unwrap().to_owned(),
                environment.variables.get("warehouse").unwrap().to_owned(),
            )
        };
        let told = |database: &str, warehouse: &str| (database.to_owned(), warehouse.to_owned());
        assert_eq!(of(None, &[]), told("MILLRACE_DEV", "MILLRACE_DEV"));
        assert_eq!(of(Some(&settings("")), &[]), told("MILLRACE_DEV", "OWN"));
        assert_eq!(of(Some(&settings("MINE")), &["warehouse=W".to_owned()]), told("MINE", "W"));
        let error = Environment::load(&repository(), "nowhere", None, &[]).unwrap_err().to_string();
        assert!(error.contains("environments/nowhere.vars"), "{error}");
    }

    #[test]
    fn scripts_are_checked_without_terraforms_word_and_not_deployed_without_it() {
        let environment = Environment::load(&repository(), "dev", None, &[]).unwrap();
        assert_eq!(environment.differences().unwrap(), Vec::<String>::new());
        assert!(
            environment
                .scripts()
                .unwrap_err()
                .to_string()
                .contains("the variable storage_role_arn has no value")
        );
    }

    #[test]
    fn queries_that_come_along_are_found_by_name() {
        let environment = Environment::load(&repository(), "dev", None, &[]).unwrap();
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
