//! Lists the dashboard's files in `src/web`, so that they are embedded.
//!
//! Writes `assets.rs` into the build directory: a sorted table of path, content
//! type, entity tag and bytes. Other kinds of file (type declarations, source
//! maps) stay out.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const WEB: &str = "src/web";

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join(WEB);
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("assets.rs");
    let mut files = Vec::new();
    if root.is_dir() {
        collect(&root, &mut files)?;
    }
    // By text, not by path component: the table is searched by text.
    files.sort_by_key(|file| file.display().to_string());
    let mut table = String::from("&[\n");
    for file in &files {
        let Some(content_type) = content_type(file) else { continue };
        let path = file.strip_prefix(&root).map_err(io::Error::other)?.display();
        let mut hasher = DefaultHasher::new();
        fs::read(file)?.hash(&mut hasher);
        // Writing to a String cannot fail.
        let _ = writeln!(
            table,
            "Asset {{ path: \"/{path}\", content_type: \"{content_type}\", \
             etag: \"\\\"{:016x}\\\"\", bytes: include_bytes!({:?}) }},",
            hasher.finish(),
            file.display().to_string(),
        );
    }
    table.push_str("]\n");
    tell_cargo(WEB);
    fs::write(out, table)
}

fn tell_cargo(watched: &str) {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={watched}");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn content_type(path: &Path) -> Option<&'static str> {
    Some(match path.extension()?.to_str()? {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "ico" => "image/x-icon",
        "txt" => "text/plain; charset=utf-8",
        "json" | "webmanifest" => "application/json",
        _ => return None,
    })
}
