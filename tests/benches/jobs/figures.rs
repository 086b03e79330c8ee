//! The measures: times beside the peers', memory, growth.

use crate::timing::{JOBS, SizeTimes, Timing};
use millrace_bench_report::{Measure, Report};

const FOUR_GIB: f64 = 4.0 * 1024.0 * 1024.0 * 1024.0;
const MIB: f64 = 1024.0 * 1024.0;
/// Ten times the users may take this power of ten in time.
const GROWTH: f64 = 1.1;

pub(crate) fn tell(report: &mut Report, sizes: &[SizeTimes]) {
    for size in sizes {
        for timing in std::iter::once(&size.ours).chain(&size.peers) {
            report.note(&told(size.users, timing));
        }
    }
    for size in sizes {
        beside_peers(report, size);
        memory(report, size);
    }
    if let [.., small, large] = sizes {
        growth(report, small, large);
    }
}

fn told(users: u64, timing: &Timing) -> String {
    let jobs = JOBS.into_iter().zip(timing.of_jobs.in_order());
    let jobs: Vec<_> = jobs.map(|(job, seconds)| format!("{job} {seconds:.2} s")).collect();
    format!(
        "{users} users, {}: {:.2} s ({}); {:.1} s of CPU, {:.0} MiB at most, started in {:.1} s more",
        timing.name,
        timing.seconds,
        jobs.join(", "),
        timing.cpu_seconds,
        timing.peak_rss_bytes as f64 / MIB,
        timing.start_seconds,
    )
}

/// The goal in wall time beside a peer: Spark's is ten times, raw-transformation's beside DuckDB grows with the users.
fn goal(peer: &Timing, what: &str, users: u64) -> f64 {
    match what {
        _ if peer.name.starts_with("Spark") => 10.0,
        "raw-transformation" if users >= 10_000_000 => 2.0,
        "raw-transformation" if users >= 1_000_000 => 1.3,
        _ => 1.0,
    }
}

fn beside_peers(report: &mut Report, size: &SizeTimes) {
    for peer in &size.peers {
        let all = ("all three jobs", size.ours.seconds, peer.seconds);
        let each = JOBS.into_iter().zip(size.ours.of_jobs.in_order()).zip(peer.of_jobs.in_order());
        let each = each.map(|((job, ours), theirs)| (job, ours, theirs));
        for (what, ours, theirs) in std::iter::once(all).chain(each) {
            report.add(Measure {
                name: format!("{}: {what}", short(size.users)),
                ours: ours * 1e3,
                peer: theirs * 1e3,
                peer_name: peer.name.clone(),
                unit: "ms",
                ratio: theirs / ours,
                goal: goal(peer, what, size.users),
            });
        }
    }
}

fn memory(report: &mut Report, size: &SizeTimes) {
    let ours = size.ours.peak_rss_bytes as f64;
    report.add(Measure {
        name: format!("{}: peak memory of a job", short(size.users)),
        ours: ours / MIB,
        peer: FOUR_GIB / MIB,
        peer_name: "4 GiB".to_owned(),
        unit: "MiB",
        ratio: FOUR_GIB / ours,
        goal: 1.0,
    });
}

fn growth(report: &mut Report, small: &SizeTimes, large: &SizeTimes) {
    let times = (large.ours.seconds / small.ours.seconds).log10();
    let growth = times / (large.users as f64 / small.users as f64).log10();
    report.add(Measure {
        name: format!("growth from {} to {}", short(small.users), short(large.users)),
        ours: growth * 1e3,
        peer: GROWTH * 1e3,
        peer_name: "log10 of time for ten times the users".to_owned(),
        unit: "thousandths",
        // Growth of nothing would be infinitely good.
        ratio: GROWTH / growth.max(f64::MIN_POSITIVE),
        goal: 1.0,
    });
}

/// `10 M users`.
pub(crate) fn short(users: u64) -> String {
    match users {
        _ if users.is_multiple_of(1_000_000) => format!("{} M users", users / 1_000_000),
        _ if users.is_multiple_of(1_000) => format!("{} k users", users / 1_000),
        _ => format!("{users} users"),
    }
}
