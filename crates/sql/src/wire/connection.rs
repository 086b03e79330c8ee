//! One client's session, and the simple protocol.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pgwire::messages::response::{EmptyQueryResponse, TransactionStatus};
use pgwire::messages::startup::{BackendKeyData, SecretKey};
use tokio::sync::mpsc;

use crate::statements::Statements;
use crate::wire::answer::Answer;
use crate::wire::facts::Facts;
use crate::wire::interrupt::{Interrupt, stopping};
use crate::wire::login::{Login, Reads};
use crate::wire::message::Message;
use crate::wire::problem::Problem;
use crate::wire::row_form::description;
use crate::wire::session::{Session, left};
use crate::wire::shared::Shared;
use crate::wire::statement::{Parsed, parse};
use crate::wire::variables::Variables;

/// Messages that are read ahead: with them it is seen that a client leaves while its statement runs.
const AHEAD: usize = 8;
/// How long the last words to a client may take that doesn't read them.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Until the client or the server ends it.
pub(super) async fn serve(shared: &Shared, login: Login) {
    let interrupt = Interrupt::new(shared.stop.clone());
    let entry = shared.registry.enter(&interrupt);
    let mut variables = Variables::of(&login.user);
    let wrong = login.parameters.iter().find_map(|(name, value)| at_start(&mut variables, name, value).err());
    variables.begin();
    let variables = Arc::new(Mutex::new(variables));
    let facts =
        Facts { user: login.user.clone(), process: entry.key.process, variables: Arc::clone(&variables) };
    let mut session = Session {
        shared,
        writes: login.writes,
        beside: shared.catalogue.beside(&facts),
        user: login.user,
        access: login.access,
        variables,
        interrupt: Arc::clone(&interrupt),
        transaction: TransactionStatus::Idle,
        cursors: HashMap::new(),
        statements: HashMap::new(),
        portals: HashMap::new(),
        is_skipping: false,
    };
    if let Some(mut problem) = wrong {
        problem.is_fatal = true;
        return session.end(&problem).await;
    }
    session.report_all();
    session.writes.put(&BackendKeyData::new(entry.key.process, SecretKey::I32(entry.key.secret)));
    session.writes.ready(TransactionStatus::Idle);
    if session.flush().await.is_err() {
        return;
    }
    let (sender, messages) = mpsc::channel(AHEAD);
    let reader = tokio::spawn(read(login.reads, sender, Arc::clone(&interrupt)));
    session.run(messages).await;
    reader.abort();
}

/// Of the startup packet; PGOPTIONS are `-c name=value`.
fn at_start(variables: &mut Variables, name: &str, value: &str) -> Result<(), Problem> {
    match name {
        "user" | "database" | "replication" => Ok(()),
        "options" => {
            let words = value
                .split_whitespace()
                .map(|word| word.strip_prefix("-c").or(word.strip_prefix("--")).unwrap_or(word));
            for (name, value) in words.filter_map(|word| word.split_once('=')) {
                variables.set(name, value)?;
            }
            Ok(())
        }
        name if name.starts_with("_pq_.") => Ok(()),
        // Java's driver tells its machine's zone. Timestamps have their offset, so that they are right for it.
        name if name.eq_ignore_ascii_case("timezone") => {
            let _ = variables.set(name, value);
            Ok(())
        }
        name => variables.set(name, value),
    }
}

async fn read(mut reads: Reads, sender: mpsc::Sender<Result<Message, Problem>>, interrupt: Arc<Interrupt>) {
    loop {
        match reads.next(true).await {
            None | Some(Ok(Message::Terminate)) => return interrupt.left.cancel(),
            Some(message) => {
                let is_last = message.is_err();
                if sender.send(message).await.is_err() || is_last {
                    return;
                }
            }
        }
    }
}

impl Session<'_> {
    async fn end(&mut self, problem: &Problem) {
        self.writes.problem(problem);
        let _ = tokio::time::timeout(LAST_WORDS, self.writes.close()).await;
    }

    async fn run(&mut self, mut messages: mpsc::Receiver<Result<Message, Problem>>) {
        let stop = self.interrupt.stop.clone();
        loop {
            let message = tokio::select! {
                biased;
                () = stop.cancelled() => Err(stopping()),
                message = messages.recv() => match message {
                    Some(message) => message,
                    None => return,
                },
            };
            let problem = match message {
                Ok(message) => match self.answer_message(message).await {
                    Ok(()) => continue,
                    Err(problem) => problem,
                },
                Err(problem) => problem,
            };
            if self.interrupt.left.is_cancelled() {
                return;
            }
            return self.end(&problem).await;
        }
    }

    /// An error of it ends the connection; those of statements are told to the client.
    async fn answer_message(&mut self, message: Message) -> Result<(), Problem> {
        let answered = match message {
            Message::Query(sql) => {
                if let Err(problem) = self.simple(&sql).await {
                    self.failed(problem)?;
                }
                self.is_skipping = false;
                return self.ready().await;
            }
            Message::Sync => {
                self.is_skipping = false;
                return self.ready().await;
            }
            Message::Flush => return self.flush().await,
            Message::Terminate => return Err(left()),
            Message::Password(_) => return Err(Problem::malformed("unexpected password message")),
            Message::Copy => return Ok(()),
            _ if self.is_skipping => return Ok(()),
            Message::Parse { name, sql, types } => self.parse(name, &sql, types).await,
            Message::Bind(bind) => self.bind(bind),
            Message::Describe(target, name) => self.describe(target, &name),
            Message::Execute { portal, max_rows } => self.execute(&portal, max_rows).await,
            Message::Close(target, name) => {
                self.close(target, &name);
                Ok(())
            }
        };
        if let Err(problem) = answered {
            self.failed(problem)?;
            self.is_skipping = true;
        }
        if self.writes.is_much() { self.flush().await } else { Ok(()) }
    }

    fn failed(&mut self, problem: Problem) -> Result<(), Problem> {
        if problem.is_fatal {
            return Err(problem);
        }
        self.writes.problem(&problem);
        if self.transaction == TransactionStatus::Transaction {
            self.transaction = TransactionStatus::Error;
        }
        Ok(())
    }

    async fn ready(&mut self) -> Result<(), Problem> {
        // Outside of a transaction a statement is one: its portals end with it.
        if self.transaction == TransactionStatus::Idle {
            self.portals.clear();
        }
        self.writes.ready(self.transaction);
        self.flush().await
    }

    async fn simple(&mut self, sql: &str) -> Result<(), Problem> {
        let cut = Statements::split(sql);
        let statements: Vec<String> = cut.complete.into_iter().chain(cut.rest).collect();
        if statements.is_empty() {
            self.writes.put(&EmptyQueryResponse::new());
            return Ok(());
        }
        let mut from = 0;
        for statement in statements {
            let at = sql[from..].find(&statement).map_or(from, |found| from + found);
            from = at + statement.len();
            let before = sql[..at].chars().count();
            let Some(parsed) = parse(&statement).map_err(|problem| problem.behind(before))? else { continue };
            self.simple_one(&parsed).await.map_err(|problem| problem.behind(before))?;
        }
        Ok(())
    }

    async fn simple_one(&mut self, parsed: &Parsed) -> Result<(), Problem> {
        let interrupt = Arc::clone(&self.interrupt);
        let bounds = interrupt.begin(self.variables().statement_timeout());
        let began = Instant::now();
        let done = async {
            let answer = self.answer(parsed, None, &[], &bounds).await?;
            if let Answer::Rows(rows) = &answer {
                self.writes.row_description(&description(&rows.fields));
            }
            self.send(answer, 0, &bounds).await.map(drop)
        };
        let done = done.await;
        self.log(parsed, began, &done);
        done
    }
}
