//! What GitHub holds the environment of a deploy to: who has to agree, and which branches may. Whoever gets into the environment gets the
//! deploy role, so its rules are as much of the platform's rights as AWS's are.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

/// How GitHub's API is asked.
pub(crate) enum GitHub {
    /// With a token of the environment.
    Curl { base: String, token: String },
    /// With gh's own login.
    Gh,
}

/// An environment's rules.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Users and teams, one of whom has to agree.
    reviewers: Vec<String>,
    /// Branches and tags that may deploy; `None`: all of them.
    branches: Option<Vec<String>>,
}

/// What GitHub answers where a plan has not what was asked for.
const OF_THE_PLAN: &str = "billing plan";

impl GitHub {
    /// The way that there is; or why there is none.
    pub(crate) fn of_environment() -> Result<Self, String> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        if let Some(token) = set("GITHUB_TOKEN").or_else(|| set("GH_TOKEN")) {
            let base = set("GITHUB_API_URL").unwrap_or_else(|| "https://api.github.com".to_owned());
            return Ok(Self::Curl { base, token });
        }
        let logged_in =
            Command::new("gh").args(["auth", "status"]).output().is_ok_and(|it| it.status.success());
        if logged_in {
            return Ok(Self::Gh);
        }
        Err("neither is GITHUB_TOKEN set nor is gh installed and logged in".to_owned())
    }

    /// Asks; answers the status and the body. An error is that nobody answered.
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<(u16, Value)> {
        let (mut command, input) = match self {
            Self::Curl { base, token } => {
                let mut curl = Command::new("curl");
                curl.args(["--silent", "--show-error", "--max-time", "30", "--request", method]);
                curl.args(["--write-out", "\n%{http_code}", "--config", "-"]).arg(format!("{base}/{path}"));
                // By standard input: every process of the machine may read another's arguments.
                let mut config = format!("header = \"Authorization: Bearer {token}\"\n");
                config.push_str("header = \"Accept: application/vnd.github+json\"\n");
                if let Some(body) = body {
                    // JSON's own escapes are those of curl's quoted words.
                    config.push_str(&format!("data = {}\n", Value::String(body.to_string())));
                }
                (curl, config)
            }
            Self::Gh => {
                let mut gh = Command::new("gh");
                gh.args(["api", "--include", "--method", method, path]);
                if body.is_some() {
                    gh.args(["--input", "-"]);
                }
                (gh, body.map(Value::to_string).unwrap_or_default())
            }
        };
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start {program}"))?;
        // Closed at the end of the statement, so that it is read to its end.
        child.stdin.take().context("it takes no input")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        let told = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
        let answer = match self {
            Self::Curl { .. } => told.rsplit_once('\n').map(|(body, status)| (status, body)),
            Self::Gh => {
                told.split_once("\n\n").map(|(head, body)| (head.split(' ').nth(1).unwrap_or_default(), body))
            }
        };
        let status = answer.and_then(|(status, _)| status.trim().parse().ok()).filter(|status| *status > 0);
        let Some((status, (_, body))) = status.zip(answer) else {
            bail!(
                "GitHub did not answer {method} {path}: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        };
        Ok((status, serde_json::from_str(body).unwrap_or(Value::Null)))
    }

    /// The rules of an environment; `None`: GitHub has none of this name, or lets the token see none.
    pub(crate) fn rules(&self, repository: &str, environment: &str) -> anyhow::Result<Option<Rules>> {
        let path = format!("repos/{repository}/environments/{environment}");
        let (status, told) = self.ask("GET", &path, None)?;
        match status {
            200 => {}
            404 => return Ok(None),
            _ => bail!("GitHub answered {status} to GET {path}: {}", message(&told)),
        }
        let mut rules = Rules { reviewers: reviewers(&told), branches: None };
        let policy = &told["deployment_branch_policy"];
        if policy["protected_branches"] == true {
            rules.branches = Some(vec!["those that are protected".to_owned()]);
        } else if policy["custom_branch_policies"] == true {
            let (status, told) = self.ask("GET", &format!("{path}/deployment-branch-policies"), None)?;
            ensure!(
                status == 200,
                "GitHub answered {status} to GET {path}/deployment-branch-policies: {}",
                message(&told)
            );
            let listed = told["branch_policies"].as_array().map(Vec::as_slice).unwrap_or_default();
            rules.branches =
                Some(listed.iter().filter_map(|it| it["name"].as_str().map(str::to_owned)).collect());
        }
        Ok(Some(rules))
    }

    /// Makes the environment, or changes it: `reviewers` (users) have to agree, and only main may deploy. Answers what GitHub refuses
    /// for the plan's sake.
    pub(crate) fn protect(
        &self,
        repository: &str,
        environment: &str,
        reviewers: &[String],
    ) -> anyhow::Result<Vec<String>> {
        let path = format!("repos/{repository}/environments/{environment}");
        let mut asked = Vec::new();
        for login in reviewers {
            let (status, user) = self.ask("GET", &format!("users/{login}"), None)?;
            ensure!(
                status == 200,
                "GitHub answered {status} to GET users/{login}: give --reviewer a user's name"
            );
            asked.push(json!({ "type": "User", "id": user["id"] }));
        }
        let branches = json!({ "protected_branches": false, "custom_branch_policies": true });
        let whole = json!({ "reviewers": asked, "deployment_branch_policy": branches });
        let mut refused = Vec::new();
        let (mut status, mut told) = self.ask("PUT", &path, Some(&whole))?;
        if status == 422 && message(&told).contains(OF_THE_PLAN) {
            refused.push(format!("required reviewers: {}", message(&told)));
            (status, told) =
                self.ask("PUT", &path, Some(&json!({ "deployment_branch_policy": branches })))?;
        }
        if status == 422 && message(&told).contains(OF_THE_PLAN) {
            refused.push(format!("a rule for branches: {}", message(&told)));
            return Ok(refused);
        }
        ensure!(status == 200, "GitHub answered {status} to PUT {path}: {}", message(&told));
        let policies = format!("{path}/deployment-branch-policies");
        let (status, told) = self.ask("POST", &policies, Some(&json!({ "name": "main" })))?;
        // 303: it is there already.
        ensure!(
            [200, 303].contains(&status),
            "GitHub answered {status} to POST {policies}: {}",
            message(&told)
        );
        Ok(refused)
    }
}

fn message(told: &Value) -> &str {
    told["message"].as_str().unwrap_or("it said nothing")
}

fn reviewers(told: &Value) -> Vec<String> {
    let rules = told["protection_rules"].as_array().map(Vec::as_slice).unwrap_or_default();
    let asked = rules.iter().filter(|rule| rule["type"] == "required_reviewers");
    let all = asked.flat_map(|rule| rule["reviewers"].as_array().map(Vec::as_slice).unwrap_or_default());
    all.filter_map(|it| {
        let who = &it["reviewer"];
        who["login"].as_str().or_else(|| who["slug"].as_str()).map(str::to_owned)
    })
    .collect()
}

impl Rules {
    /// In words, a line a rule; what is open is said so.
    pub(crate) fn told(&self) -> [String; 2] {
        let reviewers = match &*self.reviewers {
            [] => {
                "reviewers: NONE: whoever merges to main deploys; name some in the settings, or by --reviewer"
                    .to_owned()
            }
            some => format!("reviewers: {}", some.join(", ")),
        };
        let branches = match self.branches.as_deref() {
            None => "branches: ALL of them, so that anybody who may push a branch gets the deploy role; allow main alone".to_owned(),
            Some([only]) if only == "main" => "branches: main".to_owned(),
            Some(some) => format!("branches: {}: allow main alone, unless these are as well guarded", some.join(", ")),
        };
        [reviewers, branches]
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// A GitHub that answers in turn, and remembers what it was asked.
    fn github(answers: Vec<(u16, Value)>) -> (GitHub, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let mut asked = Vec::new();
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut lines = BufReader::new(&stream);
                let (mut head, mut length) = (String::new(), 0);
                loop {
                    let mut line = String::new();
                    lines.read_line(&mut line).unwrap();
                    if line.trim().is_empty() {
                        break;
                    }
                    if let Some(told) = line.to_lowercase().strip_prefix("content-length:") {
                        length = told.trim().parse().unwrap();
                    }
                    head.push_str(&line);
                }
                let mut sent = vec![0; length];
                lines.read_exact(&mut sent).unwrap();
                assert!(head.contains("Authorization: Bearer t\"k"), "{head}");
                let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
                asked.push(format!("{line} {}", String::from_utf8(sent).unwrap()).trim().to_owned());
                let body = body.to_string();
                write!(
                    stream,
                    "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                )
                .unwrap();
            }
            asked
        });
        (GitHub::Curl { base, token: "t\\\"k".to_owned() }, served)
    }

    fn no_curl() -> bool {
        let missing = Command::new("curl").arg("--version").output().is_err();
        if missing {
            eprintln!("skipped: there is no curl to ask GitHub's API with");
        }
        missing
    }

    #[test]
    fn what_is_open_is_told() {
        let open = Rules::default().told();
        assert!(open[0].contains("NONE") && open[1].contains("ALL"), "{open:?}");
        let closed = Rules { reviewers: vec!["a".to_owned()], branches: Some(vec!["main".to_owned()]) };
        assert_eq!(closed.told(), ["reviewers: a", "branches: main"]);
        let wide = Rules { branches: Some(vec!["*".to_owned()]), ..closed };
        assert!(wide.told()[1].contains("*: allow main alone"), "{:?}", wide.told());
    }

    #[test]
    fn rules_are_read() {
        if no_curl() {
            return;
        }
        let environment = json!({
            "protection_rules": [
                { "type": "branch_policy" },
                { "type": "required_reviewers", "reviewers": [
                    { "type": "User", "reviewer": { "login": "ann" } }, { "type": "Team", "reviewer": { "slug": "ops" } },
                ] },
            ],
            "deployment_branch_policy": { "protected_branches": false, "custom_branch_policies": true },
        });
        let (it, served) =
            github(vec![(200, environment), (200, json!({ "branch_policies": [{ "name": "main" }] }))]);
        let rules = it.rules("o/r", "dev").unwrap().unwrap();
        assert_eq!(rules.told(), ["reviewers: ann, ops", "branches: main"]);
        assert_eq!(served.join().unwrap()[1], "GET /repos/o/r/environments/dev/deployment-branch-policies");
    }

    #[test]
    fn an_environment_that_is_not_there_is_no_error_and_a_refusal_is() {
        if no_curl() {
            return;
        }
        let (it, _) = github(vec![(404, json!({ "message": "Not Found" }))]);
        assert_eq!(it.rules("o/r", "dev").unwrap(), None);
        let (it, _) = github(vec![(403, json!({ "message": "Resource not accessible" }))]);
        let error = it.rules("o/r", "dev").unwrap_err().to_string();
        assert!(error.contains("403") && error.contains("not accessible"), "{error}");
        let nobody = GitHub::Curl { base: "http://127.0.0.1:9".to_owned(), token: "t".to_owned() };
        let error = nobody.rules("o/r", "dev").unwrap_err().to_string();
        assert!(error.contains("did not answer"), "{error}");
    }

    #[test]
    fn what_the_plan_refuses_is_told_and_the_rest_is_done() {
        if no_curl() {
            return;
        }
        let refusal =
            "Failed to create the environment protection rule. Please ensure the billing plan supports it.";
        let (it, served) = github(vec![
            (200, json!({ "id": 7 })),
            (422, json!({ "message": refusal })),
            (200, json!({})),
            (200, json!({ "name": "main" })),
        ]);
        let refused = it.protect("o/r", "dev", &["ann".to_owned()]).unwrap();
        assert_eq!(refused, [format!("required reviewers: {refusal}")]);
        let asked = served.join().unwrap();
        assert!(asked[1].contains("\"id\":7") && !asked[2].contains("reviewers"), "{asked:?}");
        assert_eq!(
            asked[3],
            "POST /repos/o/r/environments/dev/deployment-branch-policies {\"name\":\"main\"}"
        );
    }
}
