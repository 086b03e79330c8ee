//! The first Ctrl-C asks, the second one leaves: seen from outside, on a child process.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use millrace_runtime::Shutdown;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const CHILD: &str = "RUNTIME_SIGNALS_CHILD";

/// Not a test of its own: what the child process does.
#[test]
fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let shutdown = Shutdown::on_signals().unwrap();
    eprintln!("listening");
    while !shutdown.is_requested() {
        std::thread::yield_now();
    }
    eprintln!("asked");
    // Work that never ends: only a second signal, or the parent's kill, gets it out.
    loop {
        std::thread::park();
    }
}

fn start() -> (Child, impl FnMut(&str)) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, "1")
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
        let (mut child, mut wait_for) = start();
        wait_for("listening");
        send(&child, first);
        wait_for("asked");
        send(&child, second);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{first} then {second}");
    }
}
