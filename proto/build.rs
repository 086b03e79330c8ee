//! Compiles the .proto files with protox, so that no protoc is needed.

use std::path::PathBuf;

use prost::Message;

const FILES: [&str; 4] = [
    "millrace/users/v1/user_created.proto",
    "millrace/interactions/v1/user_interaction.proto",
    "millrace/engagement/v1/video_engagement.proto",
    "millrace/engagement/v1/ad_event.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=millrace");

    let descriptors = protox::compile(FILES, [&root])?;
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    prost_build::Config::new().out_dir(&out).compile_fds(descriptors)?;
    Ok(())
}
