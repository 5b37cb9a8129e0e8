//! Lists `corpora/*.toml`, the clips of `corpora/demo/` and the models of `models/` for embedding, so that a new corpus is
//! one TOML file, a shipped model one folder, and neither a line of code; and tells a release the commit that it is built from. Deliberately does nothing else: descriptions
//! and cards are parsed (and tested) by the library.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let package = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let (corpora, shipped) = (package.join("corpora"), package.join("models"));
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    println!("cargo::rerun-if-changed={}", corpora.display());
    println!("cargo::rerun-if-changed={}", corpora.join("demo").display());
    println!("cargo::rerun-if-changed={}", shipped.display());
    println!("cargo::rustc-env=EMOLAB_COMMIT={}", commit(&package).unwrap_or_default());
    fs::write(out.join("models.rs"), models(&shipped)?)?;
    fs::write(out.join("descriptions.rs"), list(&corpora, "toml", "include_str")?)?;
    fs::write(out.join("demo.rs"), list(&corpora.join("demo"), "flac", "include_bytes")?)
}

/// The commit of the sources, for a release: other builds are made between commits, and must not be made again at each.
/// Read from git where `package` is the root of its working tree (not where it lies within somebody else's), or from what
/// `cargo package` notes; `None` where neither is there.
fn commit(package: &Path) -> Option<String> {
    if env::var("PROFILE").ok()? != "release" {
        return None;
    }
    let packaged = package.join(".cargo_vcs_info.json");
    if let Ok(text) = fs::read_to_string(&packaged) {
        let (_, after) = text.split_once("\"sha1\"")?;
        return Some(after.split('"').nth(1)?.to_owned());
    }
    let git = |args: &[&str]| {
        let output = Command::new("git").arg("-C").arg(package).args(args).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let root = fs::canonicalize(git(&["rev-parse", "--show-toplevel"])?).ok()?;
    if root != fs::canonicalize(package).ok()? {
        return None;
    }
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        // A file that is missing would have everything built anew each time.
        let path = package.join(git(&["rev-parse", "--git-path", name])?);
        if path.is_file() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    git(&["rev-parse", "HEAD"])
}

/// Rust source of a slice `&[(name, card's text, weights' bytes)]` of all model folders that are whole, sorted by name.
fn models(folder: &Path) -> io::Result<String> {
    let mut code = String::from("&[\n");
    for dir in sorted(folder)? {
        let (card, weights) = (dir.join("card.toml"), dir.join("weights.safetensors"));
        if !(card.is_file() && weights.is_file()) {
            continue;
        }
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let [card, weights] = [&card, &weights].map(|file| file.to_string_lossy());
        println!("cargo::rerun-if-changed={card}\ncargo::rerun-if-changed={weights}");
        let _ = writeln!(code, "    ({name:?}, include_str!({card:?}), include_bytes!({weights:?}) as &[u8]),");
    }
    code.push_str("]\n");
    Ok(code)
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut all: Vec<PathBuf> = fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    all.sort();
    Ok(all)
}

/// Rust source of a slice `&[(file name, include…!(path))]` of all files with this suffix, sorted by name.
fn list(folder: &Path, suffix: &str, include: &str) -> io::Result<String> {
    let mut files = sorted(folder)?;
    files.retain(|f| f.extension().is_some_and(|e| e == suffix));
    let mut code = String::from("&[\n");
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let _ = writeln!(code, "    ({name:?}, {include}!({:?})),", file.to_string_lossy());
    }
    code.push_str("]\n");
    Ok(code)
}
