//! Counts before a command, marks, the part that is played alone.

use super::*;

fn row(stage: &Stage) -> String {
    let clip =
        stage.app.bench().corpus().clips.iter().find(|clip| stage.screen().contains(&format!("{} · ", clip.id.0)));
    clip.map_or_else(|| panic!("no clip in\n{}", stage.screen()), |clip| clip.id.0.to_string())
}

fn rows(stage: &Stage) -> Vec<String> {
    stage.app.bench().corpus().clips.iter().map(|clip| clip.id.0.to_string()).collect()
}

#[test]
fn a_count_goes_before_a_command() {
    let mut stage = Stage::new("browse");
    let rows = rows(&stage);
    assert_eq!(row(&stage), rows[0]);
    stage.press(&["#"]).shows("how many times?");
    stage.press(&["3"]).shows("3 times: which key?");
    stage.press(&["j"]);
    assert_eq!(row(&stage), rows[3]);
    stage.press(&["#", "2", "k"]);
    assert_eq!(row(&stage), rows[1]);
    stage.press(&["#", "5", "G"]);
    assert_eq!(row(&stage), rows[4], "a row, as in vim");
    stage.press(&["#", "9", "9", "9", "9", "9", "9", "9", "9", "9", "j"]);
    assert_eq!(row(&stage), *rows.last().unwrap());
    stage.press(&["#", "1", "2", "Backspace", "Esc", "g"]);
    assert_eq!(row(&stage), rows[0]);
    stage.press(&["#", "3", "o"]);
    stage.shows("sorted by label");
    let mut slow = Stage::new("browse");
    slow.press(&["#", "4", "<"]).shows("speed 0.6");
}

#[test]
fn a_count_labels_nothing_and_takes_back_as_many_acts() {
    let mut stage = Stage::new("label");
    let before = stage.app.bench().ledger().labelled_count();
    stage.press(&["#", "3", "a"]).shows("a is no command here");
    assert_eq!(stage.app.bench().ledger().labelled_count(), before);
    stage.press(&["a", "a", "a"]);
    assert_eq!(stage.app.bench().ledger().labelled_count(), before + 3);
    stage.press(&["#", "2", "u"]);
    assert_eq!(stage.app.bench().ledger().labelled_count(), before + 1);
}

#[test]
fn a_letter_leads_back_to_a_clip() {
    let mut stage = Stage::new("browse");
    let rows = rows(&stage);
    stage.press(&["'"]).shows("there is no mark yet");
    stage.press(&["Esc", "j", "\""]).shows("which letter?");
    stage.press(&["x"]).shows("marked x");
    stage.press(&["G", "'"]).shows("to which mark? x");
    stage.press(&["x"]);
    assert_eq!(row(&stage), rows[1]);
    stage.press(&["'", "'"]);
    assert_eq!(row(&stage), *rows.last().unwrap(), "back to where it jumped from");
    stage.press(&["'", "y"]).shows("no clip is marked y");
    // From another screen, and where a filter hides it.
    stage.press(&["3", "'", "x"]);
    assert_eq!(row(&stage), rows[1]);
    stage
        .press(&["f"])
        .type_in("label:neutral")
        .press(&["Enter", "'", "x"])
        .shows("is not among those shown; Esc shows all");
    // In Label it is answered anew, and nothing names it.
    stage.press(&["2", "'", "x"]);
    stage.until(|app| app.bench().playing() == Some(1));
    assert!(!stage.screen().contains(&rows[1]));
}

#[test]
fn a_part_is_played_alone_until_all_is_wanted() {
    let mut stage = Stage::new("browse");
    stage.press(&["B"]).shows("play the clip first");
    stage.pictured(0);
    stage.press(&["Space", "Space"]);
    let seek = |stage: &Stage, to: f64| {
        stage.app.bench().player().seek_to(to);
    };
    seek(&stage, 0.4);
    stage.press(&["B"]);
    seek(&stage, 0.9);
    stage.press(&["U"]).shows("only 0.40 to 0.90 s");
    stage.press(&["j", "k"]).shows("only 0.40-0.90");
    assert_eq!(stage.app.bench().playback().region, Some((0.4, 0.9)));
    stage.press(&["r"]);
    assert_eq!(stage.app.bench().playback().position, 0.4, "it starts where the part does");
    stage.press(&["W"]).shows("all of the clip");
    assert_eq!(stage.app.bench().playback().region, None);
}
