//! Every screen at 80x24, 120x40 and 200x60, dark, light, in 16 colours, without colours and in ASCII.

use std::path::PathBuf;

use crate::screens::text;
use crate::support::gallery::tour;

#[test]
fn dump() {
    let Some(folder) = std::env::var_os("LOOKS_DUMP").map(PathBuf::from) else { return };
    let start = std::time::Instant::now();
    tour(|name, stage| {
        eprintln!("{name} {:?}", start.elapsed());
        for (width, height) in [(60, 18), (80, 24), (120, 40), (200, 60)] {
            let file = folder.join(format!("{}-{width}x{height}.txt", name.replace('/', "-")));
            std::fs::write(file, text(&stage.cells(width, height))).unwrap();
        }
    });
}
