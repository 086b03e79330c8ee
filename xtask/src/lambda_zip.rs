//! The zip that Lambda takes: one file, `bootstrap`, executable, at the root.
//!
//! Written by hand: of the format one entry is needed, and a library for all of it would give Polars' CRC other features
//! than a build of the program alone has, so that Polars were built twice.

use libdeflater::{CompressionLvl, Compressor, Crc, Decompressor};

const NAME: &[u8] = b"bootstrap";
/// Of the format 2.0, which knows deflate.
const NEEDED: u16 = 20;
/// Written on Unix (3): the mode stands in the upper half of the external attributes.
const MADE_BY: u16 = 3 << 8 | NEEDED;
const DEFLATED: u16 = 8;
/// 1980-01-01, the first day there is: the same binary gives the same bytes.
const DATE: u16 = 1 << 5 | 1;
/// A regular file that all may run.
const MODE: u32 = 0o100_755;

/// The zip around `body`.
///
/// # Errors
/// It has 4 GiB or more, which this form of the format cannot say.
pub(crate) fn lambda_zip(body: &[u8]) -> anyhow::Result<Vec<u8>> {
    zip_at(CompressionLvl::best(), body)
}

/// The same of a program that nobody deploys: larger, and made in a hundredth of the time.
pub(crate) fn lambda_zip_quickly(body: &[u8]) -> anyhow::Result<Vec<u8>> {
    zip_at(CompressionLvl::new(1).unwrap_or(CompressionLvl::fastest()), body)
}

fn zip_at(level: CompressionLvl, body: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut compressor = Compressor::new(level);
    let mut packed = vec![0; compressor.deflate_compress_bound(body.len())];
    let length = compressor.deflate_compress(body, &mut packed)?;
    packed.truncate(length);
    let mut crc = Crc::new();
    crc.update(body);
    // What both headers of the entry have in common.
    let mut entry = Vec::new();
    for number in [NEEDED, 0, DEFLATED, 0, DATE] {
        entry.extend(number.to_le_bytes());
    }
    for number in [crc.sum(), u32::try_from(packed.len())?, u32::try_from(body.len())?] {
        entry.extend(number.to_le_bytes());
    }
    entry.extend(u16::try_from(NAME.len())?.to_le_bytes());
    entry.extend(0_u16.to_le_bytes());

    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend(&entry);
    zip.extend(NAME);
    zip.extend(packed);
    let directory = u32::try_from(zip.len())?;
    zip.extend(b"PK\x01\x02");
    zip.extend(MADE_BY.to_le_bytes());
    zip.extend(&entry);
    // No comment, the first disk, no text.
    zip.extend([0; 6]);
    zip.extend((MODE << 16).to_le_bytes());
    zip.extend(0_u32.to_le_bytes());
    zip.extend(NAME);
    let length = u32::try_from(zip.len())? - directory;
    zip.extend(b"PK\x05\x06");
    for number in [0_u16, 0, 1, 1] {
        zip.extend(number.to_le_bytes());
    }
    zip.extend(length.to_le_bytes());
    zip.extend(directory.to_le_bytes());
    zip.extend(0_u16.to_le_bytes());
    Ok(zip)
}

/// Whether the program in a zip of [`lambda_zip`] is for this machine's processor.
pub(crate) fn runs_here(zip: &[u8]) -> bool {
    // ELF's e_machine, little-endian, at byte 18.
    let here: u16 = match std::env::consts::ARCH {
        "x86_64" => 0x3e,
        "aarch64" => 0xb7,
        _ => return false,
    };
    // The first entry's header: the program's length, then behind the name the packed program.
    let length = zip.get(22..26).and_then(|length| length.try_into().ok()).map_or(0, u32::from_le_bytes);
    let packed = zip.get(30 + NAME.len()..).unwrap_or_default();
    let mut program = vec![0; usize::try_from(length).unwrap_or(0)];
    let read = Decompressor::new().deflate_decompress(packed, &mut program);
    read.is_ok() && program.starts_with(b"\x7fELF") && program.get(18..20) == Some(&here.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_program_of_another_processor_is_known() {
        let mut program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        program.truncate(1_000);
        assert_eq!(runs_here(&lambda_zip(&program).unwrap()), cfg!(target_os = "linux"));
        program[18] ^= 1;
        assert!(!runs_here(&lambda_zip(&program).unwrap()));
        assert!(!runs_here(&lambda_zip(b"#!/bin/sh\n").unwrap()) && !runs_here(b"PK"));
    }

    #[test]
    fn another_reader_finds_an_executable_bootstrap() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bootstrap.zip");
        let body = vec![7; 100_000];
        let zip = lambda_zip(&body).unwrap();
        assert!(zip.len() < 1_000);
        assert_eq!(zip, lambda_zip(&body).unwrap());
        std::fs::write(&path, zip).unwrap();
        let script = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1]); i = z.infolist()[0]\n\
                      print(z.testzip(), len(z.infolist()), i.filename, oct(i.external_attr >> 16), z.read(i) == b'\\x07' * 100000)";
        let read = Command::new("python3").args(["-c", script]).arg(&path).output();
        let Ok(read) = read else { return eprintln!("skipped: there is no python3 to read the zip") };
        assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), "None 1 bootstrap 0o100755 True");
    }
}
