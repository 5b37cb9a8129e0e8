//! Format `sidecar`: names taken apart by a pattern, joined with lines of text files beside them (IEMOCAP's evaluations,
//! nEMO's sentences).
//!
//! Deliberately absent: tables with headings (see `table`) and numbers such as valence, which a clip has no place for.

use std::collections::{BTreeSet, HashMap};
use std::fs;

use super::{Format, Reading, groups};
use crate::corpus::Problem;
use crate::corpus::description::{Description, Fields, Layout, Said, Sidecar};
use crate::corpus::tree::Tree;

/// Format `sidecar`.
pub struct WithSidecar;

impl Format for WithSidecar {
    fn name(&self) -> &'static str {
        "sidecar"
    }

    fn check(&self, layout: &Layout) -> Result<(), &'static str> {
        let has_key = layout.pattern.as_ref().is_some_and(|p| p.capture_names().flatten().any(|n| n == "key"));
        match &layout.sidecar {
            Some(sidecar) if has_key && sidecar.line.capture_names().flatten().any(|n| n == "key") => Ok(()),
            _ => Err("format `sidecar` needs `layout.pattern` and `layout.sidecar.line`, both with a group `key`"),
        }
    }

    fn fits(&self, _tree: &Tree, _description: &Description) -> bool {
        false
    }

    fn read(&self, tree: &Tree, description: &Description) -> Reading {
        let (Some(pattern), Some(sidecar)) = (&description.layout.pattern, &description.layout.sidecar) else {
            return Reading::default();
        };
        let label_in_name = pattern.capture_names().flatten().any(|n| n == "label");
        let names: Vec<Option<Fields>> = tree.audio.iter().map(|found| groups(pattern, &tree.key(found))).collect();
        let keys: BTreeSet<&str> = names.iter().flatten().filter_map(|f| f.get("key")).map(String::as_str).collect();
        let (lines, problems) = lines(tree, sidecar, &keys);
        let join = |fields: Option<Fields>| -> Result<Said, String> {
            let mut fields = fields.ok_or_else(|| description.misnamed())?;
            let line = fields.get("key").and_then(|key| lines.get(key));
            fields.extend(line.cloned().unwrap_or_default());
            let mut said = description.interpret(fields)?;
            if line.is_none() && !label_in_name {
                said.note = Some("no line tells its label; a clip without label".to_owned());
            }
            Ok(said)
        };
        Reading::new(names.into_iter().map(join), problems)
    }
}

/// The lines by key (the first line about a clip counts), and per file how many lines have no audio.
fn lines(tree: &Tree, sidecar: &Sidecar, keys: &BTreeSet<&str>) -> (HashMap<String, Fields>, Vec<Problem>) {
    let mut lines = HashMap::new();
    let mut problems = Vec::new();
    for found in tree.others.iter().filter(|found| sidecar.files.is_match(&tree.key(found))) {
        let text = match fs::read(found.path()) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => {
                problems.push(Problem { file: found.id.0.to_string(), reason: error.to_string() });
                continue;
            }
        };
        let (mut all, mut orphans) = (0, 0);
        for mut fields in text.lines().filter_map(|line| groups(&sidecar.line, line)) {
            let Some(key) = fields.remove("key") else { continue };
            all += 1;
            orphans += usize::from(!keys.contains(key.as_str()));
            lines.entry(key).or_insert(fields);
        }
        if orphans > 0 {
            let reason = format!("{orphans} of its {all} lines speak of clips that are not there");
            problems.push(Problem { file: found.id.0.to_string(), reason });
        }
    }
    (lines, problems)
}
