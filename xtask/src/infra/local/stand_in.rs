//! What stands for a function on the emulators where none is built, or where one has to fail: a program that asks Lambda's runtime API
//! and answers the probe as crates/lambda does, and what a release asks of create-topics.

use std::path::PathBuf;

use crate::lambda_zip::lambda_zip;

/// How it answers.
#[derive(Debug, Clone)]
pub(super) enum StandIn {
    /// Well.
    Good,
    /// With an error.
    Broken,
    /// Well once, and with an error as soon as this file is there, which it writes then.
    Once(PathBuf),
}

const PROGRAM: &str = r#"#!/usr/bin/env python3
import json, os, urllib.request as http
VERSION, MARK = "@VERSION@", "@MARK@"
API = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with http.urlopen(API + "next") as asked:
        request, event = asked.headers["Lambda-Runtime-Aws-Request-Id"], json.load(asked)
    fails = MARK == "always" or (MARK and os.path.exists(MARK))
    if MARK and not fails:
        open(MARK, "w").close()
    if event == {"probe": True} and not fails:
        told, answer = "/response", {"probe": True, "version": VERSION, "lake": None, "broker": None}
    elif event == {} and not fails:
        told, answer = "/response", {"topics": []}
    else:
        told, answer = "/error", {"errorType": "Stop", "errorMessage": "stands for a function, and fails"}
    body = json.dumps(answer).encode()
    http.urlopen(http.Request(API + request + told, data=body, method="POST")).read()
"#;

impl StandIn {
    /// Its zip; another `version` is another zip.
    pub(super) fn zip(&self, version: u32) -> anyhow::Result<Vec<u8>> {
        let mark = match self {
            Self::Good => String::new(),
            Self::Broken => "always".to_owned(),
            Self::Once(path) => path.display().to_string(),
        };
        let program = PROGRAM.replace("@VERSION@", &format!("stand-in {version}")).replace("@MARK@", &mark);
        lambda_zip(program.as_bytes())
    }
}
