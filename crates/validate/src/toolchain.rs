//! The programs that build and deploy.

use crate::finding::Finding;
use crate::machine::Machine;

/// A program, by the ways in which it may be there, and how it is had.
struct Program {
    name: &'static str,
    calls: &'static [&'static [&'static str]],
    remedy: &'static str,
}

const PROGRAMS: [Program; 5] = [
    Program { name: "cargo", calls: &[&["cargo", "--version"]], remedy: "install Rust by rustup" },
    Program {
        name: "cargo-lambda",
        calls: &[&["cargo", "lambda", "--version"], &["cargo-lambda", "lambda", "--version"]],
        remedy: "pip install cargo-lambda==1.9.2",
    },
    Program {
        name: "zig",
        calls: &[&["zig", "version"], &["python3", "-m", "ziglang", "version"]],
        remedy: "pip install ziglang; arm64 machines need none",
    },
    Program {
        name: "terraform",
        calls: &[&["terraform", "version"]],
        remedy: "install Terraform 1.11 or later",
    },
    Program { name: "git", calls: &[&["git", "--version"]], remedy: "install git" },
];

pub(crate) fn check(machine: &dyn Machine) -> Vec<Finding> {
    PROGRAMS.iter().map(|program| one(machine, program)).collect()
}

fn one(machine: &dyn Machine, Program { name, calls, remedy }: &Program) -> Finding {
    let mut why = String::new();
    for call in *calls {
        let Some((program, arguments)) = call.split_first() else { continue };
        match machine.output(program, arguments) {
            Ok(said) => return Finding::ok(*name, said.lines().next().unwrap_or_default().trim()),
            Err(error) => why = error,
        }
    }
    Finding::missing(*name, why, *remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;
    use crate::machine::fake::Fake;

    #[test]
    fn a_program_may_be_there_in_several_ways() {
        let programs = [
            ("cargo --version", "cargo 1.95.0\nmore"),
            ("python3 -m ziglang", "0.13.0"),
            ("terraform version", "!it is broken"),
        ];
        let machine = Fake { programs: programs.into_iter().collect(), ..Fake::default() };
        let found = check(&machine);
        let of = |name: &str| found.iter().find(|finding| finding.check == name).unwrap();
        assert_eq!((of("cargo").state, of("cargo").detail.as_str()), (State::Ok, "cargo 1.95.0"));
        assert_eq!(of("zig").state, State::Ok);
        assert_eq!(
            (of("terraform").state, of("terraform").detail.as_str()),
            (State::Missing, "it is broken")
        );
        assert_eq!(of("cargo-lambda").remedy.as_deref(), Some("pip install cargo-lambda==1.9.2"));
    }
}
