//! The picture: how many times as long as ours each took, as bars.

use std::path::{Path, PathBuf};

use plotters::prelude::*;

use crate::figures::short;
use crate::timing::{SizeTimes, Timing};

// In pixels; plotters writes a font of n as n / 1.24 pixels.
const WIDTH: i32 = 760;
const BAR: i32 = 24;
const ROW: i32 = BAR + 8;
const GROUP: i32 = 44;
const TOP: i32 = 58;
const BARS_FROM: i32 = 130;
/// Right of the longest bar: `12.3×   123.4 s`.
const ROOM: i32 = 170;

/// As readable on white as on black: the picture has no ground of its own.
const TEXT: RGBColor = RGBColor(0x76, 0x7d, 0x86);
const OURS: RGBColor = RGBColor(0x1f, 0x9d, 0x6b);
const THEIRS: RGBColor = RGBColor(0x8a, 0x93, 0x9e);

/// The sizes that the picture in docs/ shows.
const DRAWN: [u64; 2] = [1_000_000, 10_000_000];

/// docs/ for a run with everything in it, the scratch folder for any other.
pub(crate) fn place(sizes: &[SizeTimes], scratch: &Path) -> PathBuf {
    let whole =
        sizes.iter().map(|size| size.users).eq(DRAWN) && sizes.iter().all(|size| size.peers.len() == 2);
    if whole {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/jobs-bench.svg")
    } else {
        scratch.join("jobs-bench.svg")
    }
}

pub(crate) fn draw(file: &Path, sizes: &[SizeTimes]) -> anyhow::Result<()> {
    let bars: usize = sizes.iter().map(|size| size.peers.len() + 1).sum();
    let height = TOP + bars as i32 * ROW + sizes.len() as i32 * GROUP;
    let root = SVGBackend::new(file, (WIDTH as u32, height as u32)).into_drawing_area();
    let font = |size: i32, color: RGBColor| ("sans-serif", size).into_font().color(&color);
    root.draw(&Text::new("All 17 tables, on one machine: time beside ours", (12, 12), font(25, TEXT)))?;
    root.draw(&Text::new("wall time of the three jobs, shorter is better", (12, 36), font(18, TEXT)))?;

    let longest = sizes.iter().flat_map(|size| size.peers.iter().map(|peer| ratio(size, peer)));
    let scale = f64::from(WIDTH - BARS_FROM - ROOM) / longest.fold(1.0, f64::max);
    let mut y = TOP;
    for size in sizes {
        root.draw(&Text::new(short(size.users), (12, y + 18), font(20, TEXT)))?;
        y += GROUP;
        for timing in std::iter::once(&size.ours).chain(&size.peers) {
            let ratio = ratio(size, timing);
            let end = BARS_FROM + ((ratio * scale).round() as i32).max(1);
            let color = if std::ptr::eq(timing, &raw const size.ours) { OURS } else { THEIRS };
            root.draw(&Rectangle::new([(BARS_FROM, y), (end, y + BAR)], color.filled()))?;
            let name = timing.name.split(' ').next().unwrap_or_default();
            root.draw(&Text::new(name.to_owned(), (24, y + 4), font(19, TEXT)))?;
            let label = format!("{ratio:.1}×   {:.1} s", timing.seconds);
            root.draw(&Text::new(label, (end + 8, y + 4), font(19, TEXT)))?;
            y += ROW;
        }
    }
    root.present()?;
    Ok(())
}

fn ratio(size: &SizeTimes, timing: &Timing) -> f64 {
    timing.seconds / size.ours.seconds
}
