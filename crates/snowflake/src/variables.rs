//! `&{name}` in a script: what differs between environments.
//!
//! The form is SnowSQL's, so that Snowflake's own tools run the scripts too.

use std::collections::BTreeMap;

use crate::error::SnowflakeError;

/// Values by name. They go into SQL as they are, so that one may be part of a name or of a text; no value can end either.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// The lines `name = value` of `text`; empty ones and comments (`#`) count for nothing.
    ///
    /// # Errors
    /// The line that is none of these.
    pub fn of_text(file: &str, text: &str) -> Result<Self, SnowflakeError> {
        let mut variables = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            variables.assign(line).map_err(|problem| SnowflakeError::Script {
                file: file.to_owned(),
                line: index as u64 + 1,
                problem,
            })?;
        }
        Ok(variables)
    }

    /// Takes `name=value`, in place of an earlier value.
    ///
    /// # Errors
    /// It is none, or its value could end the text or the name that it stands in.
    pub fn set(&mut self, assignment: &str) -> Result<(), SnowflakeError> {
        self.assign(assignment).map_err(SnowflakeError::Variable)
    }

    fn assign(&mut self, assignment: &str) -> Result<(), String> {
        let (name, value) =
            assignment.split_once('=').ok_or_else(|| format!("`{assignment}` is not name=value"))?;
        let (name, value) = (name.trim(), value.trim());
        if !is_name(name) {
            return Err(format!("`{name}` is no variable's name: letters, digits and _"));
        }
        if value.is_empty() || value.contains("--") || value.contains("/*") || !value.bytes().all(is_harmless)
        {
            return Err(format!(
                "the value of {name} is empty, or has more than letters, digits and _ . / : + = @ -"
            ));
        }
        self.0.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// The value of a variable; `None` where it has none.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// `text` with each variable's value in its place.
    ///
    /// # Errors
    /// A variable without a value, with file and line.
    pub fn render(&self, file: &str, text: &str) -> Result<String, SnowflakeError> {
        let mut rendered = String::with_capacity(text.len());
        for (index, line) in text.split_inclusive('\n').enumerate() {
            let problem =
                |problem| SnowflakeError::Script { file: file.to_owned(), line: index as u64 + 1, problem };
            let mut rest = line;
            while let Some((before, after)) = rest.split_once("&{") {
                let (name, after) = after
                    .split_once('}')
                    .ok_or_else(|| problem("`&{` without a `}` on its line".to_owned()))?;
                let value = self.get(name).ok_or_else(|| {
                    problem(format!("the variable {name} has no value: give --set {name}=VALUE or a line in the environment's file"))
                })?;
                rendered.push_str(before);
                rendered.push_str(value);
                rest = after;
            }
            rendered.push_str(rest);
        }
        Ok(rendered)
    }
}

fn is_name(name: &str) -> bool {
    let word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    word && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
}

fn is_harmless(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_./:+=@-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_names_and_in_texts() {
        let mut variables = Variables::of_text("dev.vars", "# of dev\n\ndatabase = DEV\n").unwrap();
        variables.set("lake_url=s3://lake/dev").unwrap();
        let text = "USE &{database}_x;\nURL = '&{lake_url}/';";
        assert_eq!(variables.render("a.sql", text).unwrap(), "USE DEV_x;\nURL = 's3://lake/dev/';");
    }

    #[test]
    fn one_without_a_value_is_told_with_its_place() {
        let error = Variables::default().render("007_a.sql", "SELECT 1;\n-- x\nUSE &{schema};").unwrap_err();
        assert!(error.to_string().starts_with("007_a.sql:3: the variable schema has no value"), "{error}");
        assert!(Variables::default().render("a.sql", "&{x").unwrap_err().to_string().contains("a.sql:1"));
    }

    #[test]
    fn a_value_cannot_begin_sql_of_its_own() {
        for wrong in ["a=x'; DROP", "a=x y", "a=\"x", "a=", "a", "1a=x", "a=x--", "a=x;", "a=/*"] {
            assert!(Variables::default().set(wrong).is_err(), "{wrong}");
        }
        let error = Variables::of_text("dev.vars", "a = 1\nb = 'x'\n").unwrap_err();
        assert!(error.to_string().starts_with("dev.vars:2:"), "{error}");
    }
}
