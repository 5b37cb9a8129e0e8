//! What the status line says while nothing else is to be said: the corpus, who labels by which scheme, whether labels are saved, and
//! where the sound goes. The last two are whole where there is any room: one of them may be an address to be opened.
//!
//! Deliberately absent: where it is drawn.

use unicode_width::UnicodeWidthStr;

use crate::audio::SinkName;
use crate::workbench::Workbench;
use crate::workbench::safe::Standing;

const BETWEEN: &str = " · ";

/// The facts in so many columns.
pub(super) fn facts(bench: &Workbench, room: usize) -> String {
    let corpus = bench.corpus();
    let problems = corpus.problems.len();
    fitted(
        [
            (Some(2), corpus.name.clone()),
            (Some(1), format!("{} clips", corpus.clips.len())),
            (Some(3), if problems == 0 { String::new() } else { format!("{problems} problems") }),
            (Some(5), bench.annotator().name().to_owned()),
            (Some(4), bench.scheme().name.clone()),
            (None, standing(bench)),
            (None, sink(&bench.playback().sink, room)),
        ],
        room,
    )
}

/// Leaves out facts, those with the least number first, until the others have room.
fn fitted(facts: impl IntoIterator<Item = (Option<u8>, String)>, room: usize) -> String {
    let mut facts: Vec<_> = facts.into_iter().filter(|(_, fact)| !fact.is_empty()).collect();
    loop {
        let joined = facts.iter().map(|(_, fact)| fact.as_str()).collect::<Vec<_>>().join(BETWEEN);
        let least = facts.iter().filter_map(|(order, _)| *order).min();
        match least {
            Some(least) if joined.width() > room => facts.retain(|(order, _)| *order != Some(least)),
            _ => return joined,
        }
    }
}

fn standing(bench: &Workbench) -> String {
    match bench.standing() {
        Standing::Store => String::new(),
        Standing::Journal(_, reason) => format!("labels go to the recovery journal: {reason}"),
        Standing::Nowhere(reason) => format!("labels are not saved: {reason}"),
    }
}

fn sink(name: &SinkName, room: usize) -> String {
    match name {
        SinkName::Silent(reason) => {
            let whole = format!("silent: {reason}");
            // An address that is cut leads nowhere.
            let bare = reason.strip_prefix("to hear, ").filter(|_| whole.width() > room);
            bare.map_or(whole, |bare| format!("silent: {bare}"))
        }
        SinkName::Device => "sound on".to_owned(),
        SinkName::Pulse => "sound server".to_owned(),
        SinkName::Companion(host) => format!("sound at {host}"),
        SinkName::File(path) => format!("sound to {path}"),
        SinkName::Browser(address) => format!("browser: {address}"),
        SinkName::Unopened => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_anyway_gives_way_to_what_must_be_read_whole() {
        let page = "silent: to hear, open http://127.0.0.1:40957/#abcdefghijklmnop";
        let all = [(Some(2), "emodb"), (Some(1), "535 clips"), (Some(3), "ann"), (None, ""), (None, page)];
        let fitted = |room| fitted(all.map(|(order, fact)| (order, fact.to_owned())), room);
        assert_eq!(fitted(200), format!("emodb · 535 clips · ann · {page}"));
        assert_eq!(fitted(79), format!("emodb · ann · {page}"));
        assert_eq!(fitted(70), format!("ann · {page}"));
        assert_eq!(fitted(10), page);
        let silent = SinkName::Silent("to hear, open http://127.0.0.1:40957/#abcdefghijklmnop".into());
        assert_eq!(sink(&silent, 80), page);
        assert_eq!(sink(&silent, 58), "silent: open http://127.0.0.1:40957/#abcdefghijklmnop");
    }
}
