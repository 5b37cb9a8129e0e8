//! `emolab features`: the files it writes, that links work and copies cost nothing, that a kill loses little.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use emolab::features::{FEATURE_SETS, Kind, feature_set};
use ndarray::{Array2, Array3};
use serde_json::Value;

use crate::support::{Home, part_of_demo, text};

fn some_clips(home: &Home) -> PathBuf {
    part_of_demo(home.path(), |name| name.starts_with("f1_anger") || name.starts_with("m1_sad"))
}

fn features(home: &Home, clips: &Path, more: &[&str]) {
    let done = home.run(&[&["features", clips.to_str().unwrap(), "-q"], more].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
}

fn table(path: &Path) -> Vec<Vec<String>> {
    let mut csv = csv::ReaderBuilder::new().has_headers(false).from_path(path).unwrap();
    csv.records().map(|line| line.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn rows_are_the_same_in_every_format() {
    let home = Home::new();
    let clips = some_clips(&home);
    for format in ["npy", "csv", "parquet"] {
        features(&home, &clips, &["--format", format, "--out", format]);
    }
    let matrix: Array2<f32> = ndarray_npy::read_npy(home.path().join("npy/functionals.npy")).unwrap();
    let lines = table(&home.path().join("csv/functionals.csv"));
    let columns = feature_set("functionals").unwrap().columns();
    assert_eq!((matrix.ncols(), matrix.nrows() + 1), (columns.len(), lines.len()));
    assert_eq!(lines[0][..4], ["file", "speaker", "sex", "label"]);
    assert_eq!(lines[0][4..], columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>());
    for (row, line) in matrix.outer_iter().zip(&lines[1..]) {
        assert!(row.iter().zip(&line[4..]).all(|(number, cell)| cell.parse() == Ok(*number)), "{}", line[0]);
    }
    let parquet = std::fs::read(home.path().join("parquet/functionals.parquet")).unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    let numbers: Vec<u8> = matrix.column(7).iter().flat_map(|number| number.to_le_bytes()).collect();
    assert!(parquet.windows(numbers.len()).any(|bytes| bytes == numbers), "a column lies together");

    let index = table(&home.path().join("npy/index.csv"));
    assert_eq!(index[0], ["file", "array", "row", "speaker", "sex", "label"]);
    assert_eq!(index[1][1..3], ["functionals.npy", "0"]);
    let recipe = std::fs::read_to_string(home.path().join("npy/recipe.toml")).unwrap();
    assert!(recipe.contains("set = \"functionals\"") && recipe.contains("rate = 22050"), "{recipe}");
    assert_eq!(table(&home.path().join("npy/columns.csv")).len(), columns.len() + 1);
}

#[test]
fn images_are_an_array_or_a_table_of_frames_per_clip() {
    let home = Home::new();
    let clips = part_of_demo(home.path(), |name| name.starts_with("f1_anger"));
    features(&home, &clips, &["--set", "logmel", "--out", "npy"]);
    features(&home, &clips, &["--set", "logmel", "--out", "csv", "--format", "csv"]);
    let image: Array3<f32> = ndarray_npy::read_npy(home.path().join("npy/logmel-000000.npy")).unwrap();
    let lines = table(&home.path().join("csv/logmel-000000.csv"));
    let (channels, bands, frames) = image.dim();
    assert_eq!((lines.len(), lines[0].len()), (frames + 1, channels * bands + 1));
    assert_eq!((lines[0][0].as_str(), lines[5][0].as_str()), ("frame", "4"));
    assert_eq!(lines[5][1 + bands + 2].parse(), Ok(image[(1, 2, 4)]));
}

#[test]
fn every_set_describes_its_columns() {
    let home = Home::new();
    for set in FEATURE_SETS {
        let said = text(&home.run(&["features", "--describe", "--set", set.name()]).stdout);
        let json = home.run(&["features", "--describe", "--set", set.name(), "--json"]);
        let json: Value = serde_json::from_str(&text(&json.stdout)).unwrap();
        let columns = set.columns();
        assert_eq!(json["columns"].as_array().unwrap().len(), columns.len());
        assert_eq!(json["kind"], if set.kind() == Kind::Image { "image" } else { "row" });
        let last = columns.last().unwrap();
        assert_eq!(json["columns"][columns.len() - 1]["source"], last.source);
        assert!(said.lines().last().unwrap().starts_with(&last.name), "{}", said.lines().last().unwrap());
    }
}

#[cfg(unix)]
#[test]
fn a_corpus_of_links_works_and_copies_are_computed_once() {
    let home = Home::new();
    let (real, links) = (some_clips(&home), home.path().join("links"));
    std::fs::create_dir(&links).unwrap();
    let mut files: Vec<PathBuf> = std::fs::read_dir(&real).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for (at, file) in files.iter().cycle().take(3 * files.len()).enumerate() {
        std::os::unix::fs::symlink(file, links.join(format!("{at:03}.flac"))).unwrap();
    }
    features(&home, &links, &["--out", "out"]);
    let matrix: Array2<f32> = ndarray_npy::read_npy(home.path().join("out/functionals.npy")).unwrap();
    assert_eq!(matrix.nrows(), 3 * files.len());
    assert_eq!(matrix.row(0), matrix.row(files.len()));
    assert_eq!(cached(&home).len(), files.len());
}

/// The audio that the indices of the cache name, each as often as it is there.
fn cached(home: &Home) -> Vec<String> {
    let version = feature_set("functionals").unwrap().version();
    let shelf = home.path().join(format!(".cache/emolab/functionals-v{version}-22050"));
    let Ok(entries) = std::fs::read_dir(shelf) else { return Vec::new() };
    let indices =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "csv"));
    indices.flat_map(|index| table(&index).into_iter().skip(1).map(|line| line[0].clone())).collect()
}

#[test]
fn what_was_done_before_a_kill_is_not_done_again() {
    let home = Home::new();
    let clips = part_of_demo(home.path(), |name| name.contains("_s1"));
    let args = ["features", clips.to_str().unwrap(), "--out", "out", "-q"];
    let mut killed = home.emolab(&args).spawn().unwrap();
    while cached(&home).is_empty() && killed.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let before = cached(&home);
    assert!(!before.is_empty());
    features(&home, &clips, &["--out", "out"]);
    let after = cached(&home);
    let distinct: BTreeSet<&String> = after.iter().collect();
    assert_eq!(distinct.len(), after.len(), "computed twice");
    assert!(before.iter().all(|audio| distinct.contains(audio)));
    let matrix: Array2<f32> = ndarray_npy::read_npy(home.path().join("out/functionals.npy")).unwrap();
    assert_eq!(matrix.nrows(), after.len());
}
