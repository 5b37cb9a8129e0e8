//! Lists `corpora/*.toml` and the clips of `corpora/demo/` for embedding, so that a new corpus is one TOML file and no
//! line of code. Deliberately does nothing else: descriptions are parsed (and tested) by the library.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let corpora = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("corpora");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    println!("cargo::rerun-if-changed={}", corpora.display());
    println!("cargo::rerun-if-changed={}", corpora.join("demo").display());
    fs::write(out.join("descriptions.rs"), list(&corpora, "toml", "include_str")?)?;
    fs::write(out.join("demo.rs"), list(&corpora.join("demo"), "flac", "include_bytes")?)
}

/// Rust source of a slice `&[(file name, include…!(path))]` of all files with this suffix, sorted by name.
fn list(folder: &Path, suffix: &str, include: &str) -> io::Result<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.retain(|f| f.extension().is_some_and(|e| e == suffix));
    files.sort();
    let mut code = String::from("&[\n");
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let _ = writeln!(code, "    ({name:?}, {include}!({:?})),", file.to_string_lossy());
    }
    code.push_str("]\n");
    Ok(code)
}
