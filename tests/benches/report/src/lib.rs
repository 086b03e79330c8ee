//! CPU time, medians, and the table or the JSON lines that they are told in.

#![warn(missing_docs)]

pub mod cost;
pub mod prices;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// One figure against a peer's.
#[derive(Debug)]
pub struct Measure {
    /// What was measured, as the table's line begins.
    pub name: String,
    /// Our figure, in `unit`.
    pub ours: f64,
    /// The peer's figure, in the same unit.
    pub peer: f64,
    /// Whom or what we are held against.
    pub peer_name: String,
    /// The unit of both figures.
    pub unit: &'static str,
    /// Larger is better.
    pub ratio: f64,
    /// The least ratio that counts as met.
    pub goal: f64,
}

/// Gathers measures and notes.
#[derive(Debug)]
pub struct Report {
    json: bool,
    measures: Vec<Measure>,
}

impl Report {
    /// `json`: a line of JSON for each measure in place of the table.
    pub fn new(json: bool) -> Self {
        Self { json, measures: Vec::new() }
    }

    /// What was measured on; on stderr for machines.
    pub fn note(&self, text: &str) {
        if self.json { eprintln!("{text}") } else { println!("{text}") }
    }

    /// Takes a measure; with JSON it is printed at once.
    pub fn add(&mut self, measure: Measure) {
        if self.json {
            println!(
                "{}",
                serde_json::json!({
                    "measure": &measure.name,
                    "ours": measure.ours,
                    "peer": measure.peer,
                    "peer_name": &measure.peer_name,
                    "unit": measure.unit,
                    "ratio": measure.ratio,
                    "goal": measure.goal,
                    "met": measure.ratio >= measure.goal,
                })
            );
        }
        self.measures.push(measure);
    }

    /// Prints the table of all measures; with JSON all is printed already.
    pub fn finish(self) {
        if self.json {
            return;
        }
        println!(
            "\n{:<46} {:>14} {:>14}  {:<34} {:>7} {:>6}",
            "measure", "ours", "peer", "peer's name", "ratio", "goal"
        );
        for m in &self.measures {
            let met = if m.ratio >= m.goal { "met" } else { "NOT MET" };
            println!(
                "{:<46} {:>14.0} {:>14.0}  {:<34} {:>7.2} {:>6.2}  {met}  ({})",
                m.name, m.ours, m.peer, m.peer_name, m.ratio, m.goal, m.unit
            );
        }
    }
}

/// CPU seconds that `work` takes, all threads of the process together.
pub fn cpu_seconds(work: impl FnOnce()) -> f64 {
    let before = process_cpu();
    work();
    process_cpu() - before
}

fn process_cpu() -> f64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(f64::NAN, |usage| {
        (usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e6
    })
}

/// The middle one of the figures, of an even number the upper middle one.
///
/// # Panics
/// There is no figure.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Medians of two works done in turn.
pub fn in_turn(runs: usize, mut ours: impl FnMut(), mut peer: impl FnMut()) -> (f64, f64) {
    let (mut ours_seconds, mut peer_seconds) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        ours_seconds.push(cpu_seconds(&mut ours));
        peer_seconds.push(cpu_seconds(&mut peer));
    }
    (median(ours_seconds), median(peer_seconds))
}
