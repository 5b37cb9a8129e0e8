//! Format `audacity`: label tracks, a text file per clip (`wav/a.txt` for `wav/a.wav`): start, end and text between tabs.
//!
//! One answer per clip or part: the vote. Lines with frequencies (`\`, low, high) are read over. A label of no length is a part of no
//! length. Which labels reach over
//! a whole clip, only the corpus knows: `import` asks it. Not kept: who said it, in which scheme, when, and all else that is no part of a file; tabs and line ends in texts become
//! spaces.
//!
//! <https://manual.audacityteam.org/man/importing_and_exporting_labels.html>

use std::collections::BTreeMap;
use std::io;

use super::textgrid::{lengths, stem};
use super::{Exchange, Folder, Item, Part, Places, Put, Said, Sheet, Trouble};
use crate::corpus::Corpus;

/// Audacity.
pub struct Audacity;

const ENDING: &str = ".txt";

impl Exchange for Audacity {
    fn name(&self) -> &'static str {
        "audacity"
    }

    fn about(&self) -> &'static str {
        "Audacity label tracks: a text file per clip, with the vote"
    }

    fn keeps(&self) -> &'static [Part] {
        &[Part::Span]
    }

    fn folder(&self) -> bool {
        true
    }

    fn fits(&self, files: &Folder) -> bool {
        let times = |line: &str| line.split('\t').take(2).filter(|field| number(field).is_some()).count() == 2;
        files.ending(ENDING).any(|name| files.head(name).lines().next().is_some_and(times))
    }

    fn read(&self, files: &Folder, _corpus: &Corpus) -> Result<Sheet, Trouble> {
        let mut sheet = Sheet { name: files.title(), ..Sheet::default() };
        let mut places = Places::new();
        for name in files.ending(ENDING) {
            let (place, text) = (files.place(name), files.text(name)?);
            let clip = &name[..name.len() - ENDING.len()];
            for (line, at) in text.lines().zip(1..) {
                if line.trim().is_empty() || line.starts_with('\\') {
                    continue;
                }
                let mut fields = line.splitn(3, '\t');
                let mut time = |column: usize| {
                    let field = fields.next().unwrap_or_default();
                    let reason = || Trouble::line(&place, at, column, format!("`{field}` is no time in seconds"));
                    number(field).filter(|time| *time >= 0.0).ok_or_else(reason)
                };
                let (start, end) = (time(1)?, time(2)?);
                if end < start {
                    return Err(Trouble::line(&place, at, 2, "a label that ends before it starts"));
                }
                let value = fields.next().unwrap_or_default();
                if !value.is_empty() {
                    let item = Item { span: Some((start, end)), ..Item::of(clip) };
                    let item = sheet.place(item, &mut places);
                    sheet.said.push(Said::answer(item, None, value));
                }
            }
        }
        Ok(sheet)
    }

    fn write(&self, sheet: &Sheet, _name: &str, put: &mut dyn Put) -> io::Result<()> {
        let mut files: BTreeMap<&str, Vec<(f64, f64, String)>> =
            sheet.items.iter().map(|item| (item.file.as_str(), Vec::new())).collect();
        let lengths = lengths(sheet);
        for said in &sheet.said {
            let item = &sheet.items[said.item];
            let (start, end) = item.span.unwrap_or_else(|| (0.0, lengths[item.file.as_str()]));
            let text = said.value().unwrap_or_default().replace(['\t', '\n', '\r'], " ");
            files.entry(&item.file).or_default().push((start, end, text));
        }
        for (file, mut labels) in files {
            labels.sort_by(|a, b| a.0.total_cmp(&b.0));
            put.put(&format!("{}{ENDING}", stem(file)), &mut |out| {
                labels.iter().try_for_each(|(start, end, text)| writeln!(out, "{start:.6}\t{end:.6}\t{text}"))
            })?;
        }
        Ok(())
    }
}

fn number(field: &str) -> Option<f64> {
    field.trim().parse().ok().filter(|number: &f64| number.is_finite())
}
