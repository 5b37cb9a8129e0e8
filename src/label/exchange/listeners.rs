//! Format `listeners`: tables of what listeners heard that corpora hand out beside their recordings (CREMA-D, EmoDB), as the
//! `[[listeners]]` of the corpus' description say how to read them. Only read.
//!
//! A row per listener is that person's answer (CREMA-D's `finishedResponses.csv`, sound alone; the people are `cremad-<localid>`); a
//! row for all of them is a vote (`vote:listeners`), answers that tie joined by `;`, its intensity the question `level`
//! (`summaryTable.csv`). A share of listeners who heard the label (EmoDB's `erkennung.txt`) is a vote for the label with that share as its
//! confidence; what the others heard, nobody wrote down, so it is no full distribution. The scheme is called `CORPUS-listeners`. Left
//! out: answers to pictures, and rows about clips that are not there.

use std::path::Path;

use super::own::one_file;
use super::{Exchange, Folder, Item, Part, Places, Put, Rater, RaterKind, Said, Sheet, Trouble};
use crate::corpus::{Corpus, description::descriptions};
use crate::label::{Act, SchemeId};
use std::io;

/// What listeners heard.
pub struct Listeners;

/// Who says what all listeners come to.
const ALL: &str = "listeners";

impl Exchange for Listeners {
    fn name(&self) -> &'static str {
        "listeners"
    }

    fn about(&self) -> &'static str {
        "tables of listeners that a corpus hands out (CREMA-D's answers and votes, EmoDB's shares)"
    }

    fn keeps(&self) -> &'static [Part] {
        &[Part::Rater, Part::Scheme, Part::Question, Part::Confidence]
    }

    fn import_only(&self) -> bool {
        true
    }

    fn fits(&self, files: &Folder) -> bool {
        let tables = descriptions().iter().flat_map(|one| &one.listeners).flat_map(|table| &table.tables);
        files.only().is_some_and(|name| tables.into_iter().any(|table| called(table, name)))
    }

    fn read(&self, files: &Folder, corpus: &Corpus) -> Result<Sheet, Trouble> {
        let name = one_file(files)?;
        let place = files.place(name);
        let described = descriptions().iter().find(|one| one.name == corpus.name);
        let tables = described.iter().flat_map(|one| &one.listeners);
        let table = tables.into_iter().find(|table| table.tables.iter().any(|path| called(path, name)));
        let table = table.ok_or_else(|| {
            Trouble::file(&place, format!("the description of `{}` has no such table of listeners", corpus.name))
        })?;
        let (heard, wrong) = table.answers(files.bytes(name)?, &corpus.clips);
        let mut sheet = Sheet { name: corpus.name.clone(), ..Sheet::default() };
        if heard.is_empty() && wrong.is_empty() {
            return Err(Trouble::file(&place, "no row is about a clip of this corpus"));
        }
        sheet.problems = wrong.into_iter().map(|(line, reason)| Trouble::line(&place, line, 1, reason)).collect();
        let scheme = SchemeId { name: format!("{}-{ALL}", corpus.name), version: 1 };
        let mut places = Places::new();
        for one in heard {
            let item = sheet.place(Item::of(corpus.clips[one.clip].id.0.as_str()), &mut places);
            let rater = match one.rater {
                Some(id) => Rater::human(format!("{}-{id}", corpus.name)),
                None => Rater::new(RaterKind::Vote, ALL),
            };
            let said = Said { scheme: Some(scheme.clone()), ..Said::answer(item, Some(rater), one.classes.join(";")) };
            if let Some(level) = one.level {
                sheet.said.push(Said { act: Act::label(level).asked("level"), ..said.clone() });
            }
            sheet.said.push(Said { confidence: one.share, ..said });
        }
        Ok(sheet)
    }

    fn write(&self, _sheet: &Sheet, _name: &str, _put: &mut dyn Put) -> io::Result<()> {
        Err(io::Error::other("tables of listeners are only read"))
    }
}

/// True when a table that lies at that path is called so.
fn called(path: &str, name: &str) -> bool {
    Path::new(path).file_name().is_some_and(|file| file == name)
}
