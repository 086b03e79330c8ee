//! The first Ctrl-C asks, the second one leaves: seen from outside, on a child process.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use millrace_runtime::{Farewell, Shutdown};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const CHILD: &str = "RUNTIME_SIGNALS_CHILD";

/// Not a test of its own: what the child process does.
#[test]
fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let say = |text: String| eprintln!("{text}");
    let shutdown = Shutdown::on_signals(Farewell { say, leave: || eprintln!("leaving") }).unwrap();
    if std::env::var(CHILD).unwrap() == "with work" {
        shutdown.waits_for("work is done");
    }
    eprintln!("listening");
    while !shutdown.is_requested() {
        std::thread::yield_now();
    }
    eprintln!("asked");
    shutdown.waits_for("more work is done");
    // Work that never ends: only a second signal, or the parent's kill, gets it out.
    loop {
        std::thread::park();
    }
}

fn start(with: &str) -> (Child, impl FnMut(&str)) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, with)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let wait_for = move |wanted: &str| {
        assert!(lines.any(|line| line.unwrap() == wanted), "the child ended before it said {wanted:?}");
    };
    (child, wait_for)
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

#[test]
fn the_second_signal_leaves_with_130() {
    for (first, second) in [(Signal::SIGINT, Signal::SIGINT), (Signal::SIGTERM, Signal::SIGINT)] {
        let (mut child, mut wait_for) = start("with work");
        wait_for("listening");
        send(&child, first);
        wait_for("stopping: work is done (Ctrl-C again leaves at once)");
        wait_for("asked");
        wait_for("stopping: more work is done (Ctrl-C again leaves at once)");
        send(&child, second);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{first} then {second}");
    }
}

#[test]
fn where_nothing_is_waited_for_the_first_signal_leaves_with_130() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (mut child, mut wait_for) = start("without work");
        wait_for("listening");
        send(&child, signal);
        wait_for("leaving");
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}");
    }
}
