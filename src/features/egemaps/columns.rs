//! Names and units of the 25 descriptors and the 88 functionals, in openSMILE's order and words, so that matrices can be
//! exchanged.
//!
//! Deliberately absent: how they are computed.

use crate::features::Column;

const SOURCE: &str = "Eyben et al. 2016, eGeMAPSv02";

/// Name and unit of the tracks that need no pitch, as in `Tracks::plain`.
const PLAIN: [(&str, &str); 10] = [
    ("Loudness", "-"),
    ("alphaRatio", "dB"),
    ("hammarbergIndex", "dB"),
    ("slope0-500", "dB/Hz"),
    ("slope500-1500", "dB/Hz"),
    ("spectralFlux", "-"),
    ("mfcc1", "-"),
    ("mfcc2", "-"),
    ("mfcc3", "-"),
    ("mfcc4", "-"),
];

/// As in `Tracks::voiced`.
const VOICED: [(&str, &str); 6] = [
    ("F0semitoneFrom27.5Hz", "semitone"),
    ("jitterLocal", "-"),
    ("shimmerLocaldB", "dB"),
    ("HNRdBACF", "dB"),
    ("logRelF0-H1-H2", "dB"),
    ("logRelF0-H1-A3", "dB"),
];

/// As in `Tracks::formants`, after `F1`, `F2`, `F3`.
const FORMANT: [(&str, &str); 3] = [("frequency", "Hz"), ("bandwidth", "Hz"), ("amplitudeLogRelF0", "dB")];

/// What is asked of pitch and loudness; whether it is per second, or a share of the mean.
const CONTOUR: [(&str, Of); 10] = [
    ("amean", Of::Value),
    ("stddevNorm", Of::Share),
    ("percentile20.0", Of::Value),
    ("percentile50.0", Of::Value),
    ("percentile80.0", Of::Value),
    ("pctlrange0-2", Of::Value),
    ("meanRisingSlope", Of::Slope),
    ("stddevRisingSlope", Of::Slope),
    ("meanFallingSlope", Of::Slope),
    ("stddevFallingSlope", Of::Slope),
];

const MOMENTS: [(&str, Of); 2] = [("amean", Of::Value), ("stddevNorm", Of::Share)];

const RHYTHM: [(&str, &str); 7] = [
    ("loudnessPeaksPerSec", "1/s"),
    ("VoicedSegmentsPerSec", "1/s"),
    ("MeanVoicedSegmentLengthSec", "s"),
    ("StddevVoicedSegmentLengthSec", "s"),
    ("MeanUnvoicedSegmentLength", "s"),
    ("StddevUnvoicedSegmentLength", "s"),
    ("equivalentSoundLevel_dBp", "dB"),
];

#[derive(Clone, Copy)]
enum Of {
    Value,
    Share,
    Slope,
}

/// The 25 descriptors: `Loudness_sma3` …
pub fn descriptors() -> Vec<Column> {
    let plain = PLAIN.iter().map(|&(name, unit)| (format!("{name}_sma3"), unit));
    let voiced = VOICED.iter().map(|&(name, unit)| (format!("{name}_sma3nz"), unit));
    plain.chain(voiced).chain(formants()).map(|(name, unit)| Column { name, unit, source: SOURCE }).collect()
}

/// The 88 functionals: `F0semitoneFrom27.5Hz_sma3nz_amean` …
pub fn functionals() -> Vec<Column> {
    let mut columns = Vec::with_capacity(88);
    let mut add = |track: &str, unit: &'static str, functionals: &[(&str, Of)]| {
        for (functional, of) in functionals {
            columns.push(Column { name: format!("{track}_{functional}"), unit: of.unit(unit), source: SOURCE });
        }
    };
    let ((pitch, semitone), (_, loud)) = (VOICED[0], PLAIN[0]);
    add(&format!("{pitch}_sma3nz"), semitone, &CONTOUR);
    add("loudness_sma3", loud, &CONTOUR);
    for (name, unit) in &PLAIN[5..] {
        add(&format!("{name}_sma3"), unit, &MOMENTS);
    }
    for (name, unit) in &VOICED[1..] {
        add(&format!("{name}_sma3nz"), unit, &MOMENTS);
    }
    for (name, unit) in formants() {
        add(&name, unit, &MOMENTS);
    }
    for (name, unit) in &PLAIN[1..] {
        add(&marked(name, "V"), unit, &MOMENTS);
    }
    for (name, unit) in &PLAIN[1..6] {
        add(&marked(name, "UV"), unit, &MOMENTS[..1]);
    }
    columns.extend(RHYTHM.map(|(name, unit)| Column { name: name.to_owned(), unit, source: SOURCE }));
    columns
}

fn formants() -> impl Iterator<Item = (String, &'static str)> {
    (1..=3).flat_map(|number| FORMANT.map(|(name, unit)| (format!("F{number}{name}_sma3nz"), unit)))
}

/// With the mark of voiced or unvoiced frames where openSMILE puts it: `slopeV0-500`, `mfcc1V`.
fn marked(name: &str, mark: &str) -> String {
    match name.strip_prefix("slope") {
        Some(range) => format!("slope{mark}{range}_sma3nz"),
        None => format!("{name}{mark}_sma3nz"),
    }
}

impl Of {
    /// Unit of the functional of a track in `unit`.
    fn unit(self, unit: &'static str) -> &'static str {
        match (self, unit) {
            (Of::Value, unit) => unit,
            (Of::Share, _) => "-",
            (Of::Slope, "semitone") => "semitone/s",
            (Of::Slope, _) => "1/s",
        }
    }
}
