//! The documents hold: their commands run, their links lead somewhere, both READMEs have the same commands, and the reference of
//! commands is what the program prints. CONTRIBUTING.md describes the marks that blocks may have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use millrace_events::event_catalogue;
use millrace_skips::skipped;
use millrace_tests::program::{Ended, binary, millrace};

/// The pages whose blocks are run, beside the tutorials.
const WITH_COMMANDS: [&str; 4] =
    ["README.md", "CONTRIBUTING.md", "docs/reference/settings.md", "docs/guides/iceberg.md"];

/// The page that is run against servers, whose records are counted afterwards.
const ON_SERVERS: &str = "docs/tutorial-kafka.md";

const ACCEPT: &str = "MILLRACE_ACCEPT_DOCS";

fn root() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

fn read(page: &str) -> Result<String> {
    std::fs::read_to_string(root().join(page)).with_context(|| format!("could not read {page}"))
}

/// A block of commands: what stands between ```` ```sh ```` and ```` ``` ````.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    line: usize,
    commands: String,
    mark: Mark,
}

/// What the comment before a block says of it.
#[derive(Debug, PartialEq, Eq)]
enum Mark {
    None,
    /// Run where these servers run.
    Servers(Vec<String>),
    /// Never run, for this reason.
    NoRun(String),
}

impl Mark {
    fn of(line: &str) -> Self {
        let comment =
            line.strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->")).unwrap_or("").trim();
        if let Some(reason) = comment.strip_prefix("no-run:") {
            Self::NoRun(reason.trim().to_owned())
        } else if let Some(names) = comment.strip_prefix("servers:") {
            Self::Servers(names.split_whitespace().map(str::to_owned).collect())
        } else {
            Self::None
        }
    }
}

fn blocks(text: &str) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, bool, String)> = None;
    let mut before = "";
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => open = Some((index + 1, language == "sh", String::new())),
            (Some(_), Some("")) => {
                if let Some((line, true, commands)) = open.take() {
                    blocks.push(Block { line, commands, mark: Mark::of(before) });
                }
                before = "";
            }
            (Some((_, _, commands)), _) => {
                commands.push_str(line);
                commands.push('\n');
            }
            (None, None) if line.trim().is_empty() => {}
            (None, None) => before = line.trim(),
        }
    }
    ensure!(open.is_none(), "a block is not closed");
    for block in &blocks {
        ensure!(block.mark != Mark::NoRun(String::new()), "line {}: no-run wants a reason", block.line);
    }
    Ok(blocks)
}

/// A server that blocks may ask for: what tests know it by, and what `target/xtask/up/env` exports.
struct Server {
    name: &'static str,
    of_tests: &'static str,
    variable: &'static str,
    more: &'static [(&'static str, &'static str)],
}

const SERVERS: [Server; 3] = [
    Server { name: "kafka", of_tests: "MILLRACE_TEST_KAFKA", variable: "MILLRACE_BROKERS", more: &[] },
    Server {
        name: "localstack",
        of_tests: "MILLRACE_TEST_S3_ENDPOINT",
        variable: "AWS_ENDPOINT_URL",
        more: &[
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ],
    },
    Server {
        name: "registry",
        of_tests: "MILLRACE_TEST_REGISTRY_URL",
        variable: "MILLRACE_REGISTRY_URL",
        more: &[],
    },
];

/// What `cargo xtask up` would export of the servers that tests have.
fn environment() -> Vec<(&'static str, String)> {
    let mut exports = Vec::new();
    for server in &SERVERS {
        if let Ok(value) = std::env::var(server.of_tests) {
            exports.push((server.variable, value));
            exports.extend(server.more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        }
    }
    exports
}

/// Why a block is not run here.
fn reason(mark: &Mark) -> Result<Option<String>> {
    let names = match mark {
        Mark::None => return Ok(None),
        Mark::NoRun(reason) => return Ok(Some(format!("no-run: {reason}"))),
        Mark::Servers(names) => names,
    };
    let mut missing = Vec::new();
    for name in names {
        let server = SERVERS.iter().find(|server| server.name == name);
        let server = server.with_context(|| format!("servers: {name} is none of them"))?;
        if std::env::var_os(server.of_tests).is_none() {
            missing.push(server.name);
        }
    }
    let why = format!("not here: {}; `cargo xtask test` starts them", missing.join(", "));
    Ok((!missing.is_empty()).then_some(why))
}

/// Stands in for cargo: `cargo run --` is the built program, what the test has done already does nothing, all else is refused.
fn write_cargo(path: &Path, program: &Path) -> Result<()> {
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n\
         'run -- '*) shift 2; exec '{program}' \"$@\" ;;\n\
         'build' | 'xtask up '*) exit 0 ;;\n\
         esac\necho \"the test of the documents knows no: cargo $*\" >&2\nexit 64\n",
        program = program.display()
    );
    write_program(path, &script)
}

fn write_program(path: &Path, script: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, script)?;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?)
}

/// Runs a page's blocks in their order in one shell, in a folder of its own, and answers what they wrote; `None`: all were skipped.
fn run(page: &str, text: &str) -> Result<Option<String>> {
    let mut script = "set -Eeuo pipefail\ntrap 'echo \"failed: $BASH_COMMAND\" >&2' ERR\n".to_owned();
    let mut any = false;
    for block in blocks(text).with_context(|| page.to_owned())? {
        let name = format!("{page} line {}", block.line);
        if let Some(why) = reason(&block.mark)? {
            skipped(&name, &why);
            continue;
        }
        any = true;
        write!(script, "echo '== {name}' >&2\n{}", block.commands)?;
    }
    if !any {
        return Ok(None);
    }
    let folder = tempfile::tempdir()?;
    let (bin, up) = (folder.path().join("bin"), folder.path().join("target/xtask/up"));
    std::fs::create_dir_all(&bin)?;
    std::fs::create_dir_all(&up)?;
    let program = binary()?;
    write_cargo(&bin.join("cargo"), &program)?;
    std::os::unix::fs::symlink(&program, bin.join("millrace"))?;
    let exports = environment().into_iter().map(|(name, value)| format!("export {name}='{value}'\n"));
    std::fs::write(up.join("env"), exports.collect::<String>())?;

    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).current_dir(folder.path()).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if ["MILLRACE_", "AWS_"].iter().any(|begin| name.to_string_lossy().starts_with(begin)) {
            shell.env_remove(name);
        }
    }
    let path = std::env::var("PATH")?;
    // A person's own settings file, history and AWS profiles are none of the documents'.
    shell.env("PATH", format!("{}:{path}", bin.display())).env("HOME", folder.path());
    shell.env_remove("XDG_CONFIG_HOME");
    let ended = Ended::of(shell)?;
    let wrote = format!("{}{}", ended.stdout, ended.stderr);
    ensure!(ended.code == Some(0), "{page} ended with {:?}: {wrote}", ended.code);
    Ok(Some(wrote))
}

/// The pages with blocks to run.
fn pages_with_commands() -> Result<Vec<String>> {
    let mut pages: Vec<_> = WITH_COMMANDS.map(str::to_owned).into();
    pages.extend(documents()?.into_iter().filter(|page| page.starts_with("docs/tutorial")));
    ensure!(pages.len() >= 6, "{pages:?}");
    Ok(pages)
}

#[test]
fn every_block_runs() -> Result<()> {
    for page in pages_with_commands()?.iter().filter(|page| *page != ON_SERVERS) {
        run(page, &read(page)?)?;
    }
    Ok(())
}

#[test]
fn the_tutorial_on_servers_ends_with_every_record_in_a_table() -> Result<()> {
    let Some(wrote) = run(ON_SERVERS, &read(ON_SERVERS)?)? else { return Ok(()) };
    for kind in ["unknown_schema", "unfit_schema", "undecodable: "] {
        ensure!(!wrote.contains(kind), "{kind} where every schema is in the registry: {wrote}");
    }
    let mut count = 0;
    for event in event_catalogue::events() {
        let sql = format!("SELECT COUNT(*) AS n FROM raw_{}", event.table());
        let mut query = millrace(&["query", &sql, "--format", "csv", "--lake", "s3://lake/dev"])?;
        query.envs(environment());
        let rows = Ended::of(query)?;
        count += rows.stdout.lines().nth(1).with_context(|| rows.stderr.clone())?.trim().parse::<u64>()?;
    }
    ensure!(count >= 100_000, "{count} rows of 100,000 records: {wrote}");
    Ok(())
}

#[test]
fn a_command_that_fails_fails_its_page() -> Result<()> {
    let page = |commands: &str| format!("```sh\ntrue\n```\n\n```sh\n{commands}\n```\n");
    for (commands, said) in [
        ("millrace tables --lake ./none\ntrue", "failed: millrace tables"),
        // Bash names the last command of a pipe.
        ("false | cat", "failed: cat"),
        ("cargo run -- tables --no-such-option", "failed: cargo run"),
        ("cargo publish", "knows no: cargo publish"),
        ("cat \"$NOT_SET\"", "NOT_SET"),
    ] {
        let Err(error) = run("a page", &page(commands)) else { bail!("{commands} passed") };
        ensure!(error.to_string().contains(said), "{commands}: {error:#}");
    }
    ensure!(run("a page", &page("cargo run -- --version"))?.is_some_and(|wrote| wrote.contains("millrace ")));
    Ok(())
}

#[test]
fn marks_are_those_of_the_comment_before_a_block() -> Result<()> {
    let text = "<!-- no-run: an account -->\n```sh\na\n```\n```json\n{}\n```\n\n<!-- servers: kafka registry -->\n\n```sh\nb\n```\ntext\n```sh\nc\n```\n";
    let found: Vec<_> = blocks(text)?.into_iter().map(|block| (block.line, block.mark)).collect();
    let servers = Mark::Servers(vec!["kafka".to_owned(), "registry".to_owned()]);
    ensure!(
        found == [(2, Mark::NoRun("an account".to_owned())), (11, servers), (15, Mark::None)],
        "{found:?}"
    );
    ensure!(blocks("<!-- no-run: -->\n```sh\na\n```\n").is_err() && blocks("```sh\n").is_err());
    Ok(())
}

/// Commands as they are run, comments and blank lines aside.
fn commands(page: &str) -> Result<Vec<Vec<String>>> {
    let bare = |line: &str| line.split(" #").next().unwrap_or(line).trim().to_owned();
    let of = |block: Block| block.commands.lines().map(bare).filter(|line| !line.is_empty()).collect();
    Ok(blocks(&read(page)?)?.into_iter().map(of).collect())
}

#[test]
fn both_readmes_have_the_same_commands() -> Result<()> {
    let (english, spanish) = (commands("README.md")?, commands("README.es.md")?);
    ensure!(
        !english.is_empty() && english == spanish,
        "{english:#?} in README.md, {spanish:#?} in README.es.md"
    );
    Ok(())
}

fn documents() -> Result<Vec<String>> {
    fn walk(folder: &Path, found: &mut Vec<String>) -> Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                walk(&path, found)?;
            } else if path.extension().is_some_and(|ending| ending == "md") {
                let page = path.strip_prefix(root())?.to_str().context("a name in UTF-8")?;
                found.push(page.replace('\\', "/"));
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    walk(&root().join("docs"), &mut found)?;
    found.sort();
    Ok(found)
}

/// A text without its blocks and `spans` of code.
fn prose(text: &str) -> String {
    let mut prose = String::new();
    let mut within = false;
    for line in text.lines() {
        if line.starts_with("```") {
            within = !within;
        } else if !within {
            prose.extend(line.split('`').step_by(2));
            prose.push('\n');
        }
    }
    prose
}

/// The targets of `[text](target)`.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.map(|target| target.split(' ').next().unwrap_or(target).to_owned()).collect()
}

/// The anchors of a page's headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    let mut within = false;
    for line in text.lines() {
        within ^= line.starts_with("```");
        let heading = line.trim_start_matches('#');
        if within || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = |letter: &char| letter.is_alphanumeric() || ['-', '_', ' '].contains(letter);
        let anchor: String = heading.trim().chars().filter(kept).collect();
        let anchor = anchor.to_lowercase().replace(' ', "-");
        let times = seen.entry(anchor.clone()).or_default();
        anchors.insert(if *times == 0 { anchor } else { format!("{anchor}-{times}") });
        *times += 1;
    }
    anchors
}

/// Why a link of `page` leads nowhere.
fn broken(page: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = root().join(page).parent().map(Path::to_path_buf).unwrap_or_default();
    let file = if path.is_empty() { root().join(page) } else { folder.join(path) };
    if !file.exists() {
        return Some(format!("{page}: {target}: there is no {path}"));
    }
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    (!anchor.is_empty() && !anchors(&text).contains(anchor))
        .then(|| format!("{page}: {target}: no heading has this anchor"))
}

#[test]
fn every_link_leads_somewhere() -> Result<()> {
    let mut pages = documents()?;
    let more = ["README.md", "README.es.md", "CONTRIBUTING.md", "CHANGELOG.md", "infra/README.md"];
    pages.extend(more.map(str::to_owned));
    pages.push("localstack/README.md".to_owned());
    for function in ["compact-raw", "create-topics", "fetch-users", "land-events", "replay-dead-letters"] {
        pages.push(format!("functions/{function}/README.md"));
    }
    let mut failures = Vec::new();
    for page in &pages {
        failures.extend(links(&read(page)?).iter().filter_map(|target| broken(page, target)));
    }
    ensure!(failures.is_empty(), "\n{}", failures.join("\n"));
    Ok(())
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    assert_eq!(links("[a](b.md#c) `[d](e)` ![f](g.svg)\n```\n[h](i)\n```\n"), ["b.md#c", "g.svg"]);
    let headings = "# One: two, `three`\n## A\n## A\n```\n# no\n```\n#none\n";
    assert_eq!(anchors(headings).into_iter().collect::<Vec<_>>(), ["a", "a-1", "one-two-three"]);
    for (target, is_broken) in [
        ("docs/DESIGN.md", false),
        ("docs/DESIGN.md#unproven", false),
        ("docs", false),
        ("https://example.com/x", false),
        ("docs/NONE.md", true),
        ("docs/DESIGN.md#none", true),
        ("#none", true),
    ] {
        assert_eq!(broken("README.md", target).is_some(), is_broken, "{target}");
    }
}

#[test]
fn every_page_is_in_the_summary() -> Result<()> {
    let summary: BTreeSet<_> =
        links(&read("docs/SUMMARY.md")?).into_iter().map(|target| format!("docs/{target}")).collect();
    let pages: BTreeSet<_> = documents()?.into_iter().filter(|page| page != "docs/SUMMARY.md").collect();
    let missing: Vec<_> = pages.difference(&summary).collect();
    ensure!(missing.is_empty(), "docs/SUMMARY.md lacks {missing:?}");
    Ok(())
}

/// The help of `millrace` and of everything below it, each by its words.
fn helps() -> Result<Vec<(String, String)>> {
    let mut helps = Vec::new();
    let mut left = vec!["millrace".to_owned()];
    while let Some(name) = left.pop() {
        let mut arguments: Vec<_> = name.split(' ').skip(1).collect();
        arguments.push("--help");
        let mut command = millrace(&arguments)?;
        // No terminal's width, and no person's home.
        command.env("COLUMNS", "100").env("HOME", "/home/you").env_remove("XDG_CONFIG_HOME");
        let ended = Ended::of(command)?;
        ensure!(ended.code == Some(0), "{name}: {}", ended.stderr);
        let below = ended.stdout.lines().skip_while(|line| *line != "Commands:").skip(1);
        let below = below.take_while(|line| !line.is_empty());
        let below = below.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
        let below = below.filter(|below| !below.is_empty() && *below != "help");
        // The last one is taken first.
        let first = left.len();
        left.extend(below.map(|below| format!("{name} {below}")));
        left[first..].reverse();
        helps.push((name, ended.stdout.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")));
    }
    Ok(helps)
}

/// What the program does not know of a line that calls it: a command, or an option of one.
fn unknown(line: &str, helps: &BTreeMap<String, String>) -> Option<String> {
    let line = line.split(" #").next().unwrap_or(line);
    let words: Vec<_> = line.split_whitespace().collect();
    let command = words.get(1).filter(|word| !word.starts_with('-'))?;
    let below = words.get(2).map(|below| format!("millrace {command} {below}"));
    let found =
        below.and_then(|below| helps.get(&below)).or_else(|| helps.get(&format!("millrace {command}")));
    let Some(help) = found else { return Some(format!("`{line}`: there is no command {command}")) };
    let options =
        words.iter().filter(|word| word.starts_with("--")).map(|word| word.split('=').next().unwrap_or(word));
    let missing =
        options.into_iter().find(|option| !help.split([' ', ',', '\n']).any(|word| word == *option));
    missing.map(|option| format!("`{line}`: {command} has no {option}"))
}

#[test]
fn the_documents_call_commands_that_exist() -> Result<()> {
    let helps: BTreeMap<_, _> = helps()?.into_iter().collect();
    ensure!(unknown("millrace query --none", &helps).is_some() && unknown("millrace none", &helps).is_some());
    ensure!(unknown("millrace query \"SELECT 1\" --format=csv # --none", &helps).is_none());
    let mut failures = Vec::new();
    for page in documents()?.iter().filter(|page| *page != COMMANDS) {
        let text = read(page)?;
        let code = text.split("```").skip(1).step_by(2).flat_map(str::lines);
        failures.extend(
            code.filter(|line| line.starts_with("millrace "))
                .filter_map(|line| Some(format!("{page}: {}", unknown(line, &helps)?))),
        );
    }
    ensure!(failures.is_empty(), "\n{}", failures.join("\n"));
    Ok(())
}

const COMMANDS: &str = "docs/reference/commands.md";

#[test]
fn the_reference_of_commands_is_what_the_program_prints() -> Result<()> {
    let found = helps()?;
    ensure!(found.len() > 15, "{found:?}");
    let mut page = "# Commands\n\n<!-- Written by `cargo xtask docs` from `millrace --help`. -->\n\n\
                    What `--help` prints for each command. [Settings](settings.md) explains where values come from.\n"
        .to_owned();
    for (name, help) in found {
        write!(page, "\n## {name}\n\n```text\n{}\n```\n", help.trim())?;
    }
    let path: PathBuf = root().join(COMMANDS);
    if std::env::var_os(ACCEPT).is_some() {
        std::fs::write(&path, &page)?;
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = written.lines().zip(page.lines()).find(|(written, printed)| written != printed);
    ensure!(
        written == page,
        "{COMMANDS} is not what the program prints: run `cargo xtask docs`, which writes it anew. First difference: {differs:?}"
    );
    Ok(())
}

#[test]
fn the_book_builds() -> Result<()> {
    if !Command::new("mdbook").arg("--version").output().is_ok_and(|output| output.status.success()) {
        skipped("the book", "no mdbook; install it with `cargo install mdbook --locked`");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let mut build = Command::new("mdbook");
    build.arg("build").arg("--dest-dir").arg(folder.path()).arg(root());
    let ended = Ended::of(build)?;
    ensure!(ended.code == Some(0), "{}{}", ended.stdout, ended.stderr);
    for word in ["ERROR", "WARN"] {
        ensure!(!ended.stderr.contains(word), "{}", ended.stderr);
    }
    ensure!(folder.path().join("tutorial.html").is_file());
    Ok(())
}
