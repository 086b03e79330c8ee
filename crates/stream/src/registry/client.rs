//! What can be asked of a registry, and how its refusals are meant.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;

use super::cache::{Known, Memory};
use super::error::{CallError, RegistryError};
use super::http::{Call, Exchange, Failed};
use super::responses::{GivenId, GivenSchema, GivenVersion, KeptLevel, Verdict, sent};
use super::schema::{Compatibility, Level, RegisteredSchema, Schema, SubjectVersion};
use super::settings::RegistrySettings;

/// A schema registry. Made once; shared by reference by whoever asks.
///
/// Every call is tried again within the settings' bounds where the registry throttles, fails or cannot be reached, and then
/// ends in an error of class `Retry`. Answers of ids are kept: an id stands for one schema for ever.
pub struct Registry {
    exchange: Exchange,
    memory: Mutex<Memory>,
    /// Held while an id is asked for: of many who want a new one, one asks.
    asking: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("exchange", &self.exchange).finish_non_exhaustive()
    }
}

impl Registry {
    /// Sets up the client; calls nothing yet.
    ///
    /// # Errors
    /// Settings that cannot be meant, an authority's file that cannot be read, a machine without certificates: `Stop`.
    pub fn new(settings: &RegistrySettings) -> Result<Self, RegistryError> {
        let memory = Mutex::new(Memory::new(settings.unknown_for));
        Ok(Self { exchange: Exchange::new(settings)?, memory, asking: tokio::sync::Mutex::default() })
    }

    /// The schema of an id, as a record's frame names it. Asked for once; an id that the registry does not know is not asked
    /// for again for a while.
    ///
    /// # Errors
    /// [`RegistryError::UnknownId`], of class `DeadLetter`; any other is `Retry` or `Stop` and says nothing of the record.
    pub async fn fetch(&self, id: u32) -> Result<Arc<RegisteredSchema>, RegistryError> {
        if let Some(known) = self.known(id) {
            return known;
        }
        let _one_asks = self.asking.lock().await;
        if let Some(known) = self.known(id) {
            return known;
        }
        let number = id.to_string();
        let path = ["schemas", "ids", &number];
        let call = Call::get(format!("fetch the schema of id {id}"), &path);
        match self.exchange.ask::<GivenSchema>(call).await {
            Ok(given) => {
                let schema = Arc::new(given.of_id(id));
                self.memory().keep(Arc::clone(&schema));
                Ok(schema)
            }
            Err(failed) if failed.error.says_unknown() => {
                self.memory().keep_unknown(id, Instant::now());
                Err(self.unknown_id(id))
            }
            Err(failed) => Err(self.failed(failed)),
        }
    }

    /// Registers a schema as the newest version of a subject and answers its id; a schema that the subject has already
    /// is not registered twice.
    ///
    /// # Errors
    /// Incompatible or invalid schemas and missing rights are `Stop`, and name the subject.
    pub async fn register(&self, subject: &str, schema: &Schema) -> Result<u32, RegistryError> {
        if let Some(id) = self.memory().id(subject, schema) {
            return Ok(id);
        }
        let path = ["subjects", subject, "versions"];
        let call = Call::post(format!("register the schema of the subject {subject}"), &path, sent(schema));
        let given: Result<GivenId, Failed> = self.exchange.ask(call).await;
        let id = given.map_err(|failed| self.refused_schema(failed, subject, schema))?.id;
        self.memory().keep_id(subject, schema, id);
        Ok(id)
    }

    /// The id of a schema that a subject already has; `None` where it has not.
    pub async fn lookup(&self, subject: &str, schema: &Schema) -> Result<Option<u32>, RegistryError> {
        if let Some(id) = self.memory().id(subject, schema) {
            return Ok(Some(id));
        }
        let path = ["subjects", subject];
        let task = format!("look for the schema of the subject {subject}");
        match self.exchange.ask::<GivenId>(Call::post(task, &path, sent(schema))).await {
            Ok(GivenId { id }) => {
                self.memory().keep_id(subject, schema, id);
                Ok(Some(id))
            }
            Err(failed) if failed.error.says_unknown() => Ok(None),
            Err(failed) => Err(self.refused_schema(failed, subject, schema)),
        }
    }

    /// Holds a schema against those of a subject, by the subject's level. A subject without any is compatible with all.
    pub async fn compatibility(
        &self,
        subject: &str,
        schema: &Schema,
    ) -> Result<Compatibility, RegistryError> {
        let task = || format!("check the schema of the subject {subject}");
        // Against as many versions as the level says.
        let path = ["compatibility", "subjects", subject, "versions"];
        let verbose = Some(("verbose", "true"));
        let call = Call { query: verbose, ..Call::post(task(), &path, sent(schema)) };
        let mut answer: Result<Verdict, Failed> = self.exchange.ask(call).await;
        if answer.as_ref().is_err_and(|failed| failed.error.has_no_such_path()) {
            // Registries that know only this one hold it against the latest; registering checks the others.
            let path = ["compatibility", "subjects", subject, "versions", "latest"];
            let call = Call { query: verbose, ..Call::post(task(), &path, sent(schema)) };
            answer = self.exchange.ask(call).await;
        }
        match answer {
            Ok(Verdict { is_compatible: true, .. }) => Ok(Compatibility::Compatible),
            Ok(Verdict { messages, .. }) => {
                Ok(Compatibility::Incompatible { reasons: messages.unwrap_or_default() })
            }
            Err(failed) if failed.error.says_unknown() => Ok(Compatibility::Compatible),
            Err(failed) => Err(self.refused_schema(failed, subject, schema)),
        }
    }

    /// The newest version of a subject.
    ///
    /// # Errors
    /// [`RegistryError::UnknownSubject`] where there is none.
    pub async fn latest(&self, subject: &str) -> Result<SubjectVersion, RegistryError> {
        self.version_named(subject, "latest").await
    }

    /// One version of a subject, from 1.
    ///
    /// # Errors
    /// [`RegistryError::UnknownSubject`] where there is none.
    pub async fn version(&self, subject: &str, version: i32) -> Result<SubjectVersion, RegistryError> {
        self.version_named(subject, &version.to_string()).await
    }

    async fn version_named(&self, subject: &str, version: &str) -> Result<SubjectVersion, RegistryError> {
        let path = ["subjects", subject, "versions", version];
        let call = Call::get(format!("fetch version {version} of the subject {subject}"), &path);
        let given: Result<GivenVersion, Failed> = self.exchange.ask(call).await;
        given.map(SubjectVersion::from).map_err(|failed| self.unknown_or_failed(failed, subject, version))
    }

    /// The numbers of a subject's versions, in order. A subject that does not exist has none.
    pub async fn versions(&self, subject: &str) -> Result<Vec<i32>, RegistryError> {
        let path = ["subjects", subject, "versions"];
        let call = Call::get(format!("list the versions of the subject {subject}"), &path);
        match self.exchange.ask(call).await {
            Err(failed) if failed.error.says_unknown() => Ok(Vec::new()),
            other => other.map_err(|failed| self.failed(failed)),
        }
    }

    /// The names of all subjects, sorted.
    pub async fn subjects(&self) -> Result<Vec<String>, RegistryError> {
        let call = Call::get("list the subjects".to_owned(), &["subjects"]);
        let mut subjects: Vec<String> =
            self.exchange.ask(call).await.map_err(|failed| self.failed(failed))?;
        subjects.sort_unstable();
        Ok(subjects)
    }

    /// Sets what new schemas of a subject have to keep.
    pub async fn set_level(&self, subject: &str, level: Level) -> Result<(), RegistryError> {
        let path = ["config", subject];
        let task = format!("set the compatibility of the subject {subject}");
        let body = serde_json::to_vec(&KeptLevel { compatibility: level }).unwrap_or_default();
        let call = Call { method: Method::PUT, ..Call::post(task, &path, body) };
        self.exchange.ask::<KeptLevel>(call).await.map(drop).map_err(|failed| self.failed(failed))
    }

    pub(super) async fn ask<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Failed> {
        self.exchange.ask(call).await
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, id: u32) -> Option<Result<Arc<RegisteredSchema>, RegistryError>> {
        let known = self.memory().schema(id, Instant::now())?;
        Some(match known {
            Known::Schema(schema) => Ok(schema),
            Known::Unknown => Err(self.unknown_id(id)),
        })
    }

    /// How long what it does not know is not asked for again.
    pub(crate) fn unknown_for(&self) -> Duration {
        self.memory().unknown_for()
    }

    pub(super) fn url(&self) -> String {
        self.exchange.shown().to_owned()
    }

    fn unknown_id(&self, id: u32) -> RegistryError {
        RegistryError::UnknownId { url: self.url(), id }
    }

    pub(super) fn failed(&self, failed: Failed) -> RegistryError {
        let Failed { task, attempts, error } = failed;
        RegistryError::Call { task, url: self.url(), attempts, source: error }
    }

    fn unknown_or_failed(&self, failed: Failed, subject: &str, version: &str) -> RegistryError {
        if failed.error.says_unknown() {
            let (subject, version) = (subject.to_owned(), version.to_owned());
            return RegistryError::UnknownSubject { url: self.url(), subject, version };
        }
        self.failed(failed)
    }

    /// The refusal of a schema that was sent.
    fn refused_schema(&self, failed: Failed, subject: &str, schema: &Schema) -> RegistryError {
        let (url, subject, schema_type) = (self.url(), subject.to_owned(), schema.schema_type);
        match &failed.error {
            CallError::Refused { status: StatusCode::CONFLICT, said, .. } => {
                let reasons = Some(said.clone()).filter(|said| !said.is_empty()).into_iter().collect();
                RegistryError::Incompatible { url, subject, schema_type, reasons }
            }
            CallError::Refused { status: StatusCode::UNPROCESSABLE_ENTITY, said, .. } => {
                RegistryError::Invalid { url, subject, schema_type, said: said.clone() }
            }
            _ => self.failed(failed),
        }
    }
}
