//! Keys of the user's own on the screens: dispatch, header, footer, help and palette know them; classes leave them alone.

use std::path::Path;

use emolab::tui::keymap::Keymap;

use super::*;

fn with_keys(first: &str, keys: &str) -> Stage {
    let mut stage = Stage::new(first);
    let keymap = Keymap::parse(keys, Path::new("keys.toml"));
    assert_eq!(keymap.problems, [""; 0]);
    stage.app.set_keymap(keymap);
    stage
}

#[test]
fn another_key_is_shown_and_obeyed_wherever_the_usual_one_was() {
    let mut stage = with_keys("browse", "[browse]\nfilter = \"I\"\n[everywhere]\ntrain = \"F5\"\nhelp = \"Y\"\n");
    stage.shows("I filter");
    stage.shows("F5 Train");
    stage.shows("Y help  : palette");
    stage.press(&["f"]);
    stage.shows("f does nothing here");
    stage.press(&["I"]);
    stage.shows("filter:");
    stage.press(&["Esc", "3"]);
    stage.shows("3 does nothing here");
    stage.press(&[":"]).type_in("filter");
    stage.shows("I");
    stage.press(&["Esc", "Y"]);
    stage.shows("I             filter");
    stage.press(&["Esc"]);
    stage.app.key(KeyEvent::from(KeyCode::F(5)));
    stage.shows("classifiers");
}

#[test]
fn the_footer_offers_what_is_possible_and_help_and_palette_say_why_the_rest_is_not() {
    let mut stage = Stage::new("train");
    let footer = |stage: &Stage| stage.screen().lines().last().unwrap().to_owned();
    assert!(!footer(&stage).contains("x cancel") && footer(&stage).contains("Enter start"), "{}", footer(&stage));
    stage.press(&["?"]);
    stage.shows("- not now: nothing is running");
    stage.press(&["Esc", ":"]).type_in("cancel");
    stage.shows("cancel       not now: nothing is running");
    stage.press(&["Enter"]);
    stage.shows("\n nothing is running");
    let none = |stage: &mut Stage| {
        stage.press(&["a"]);
        !footer(stage).contains("Enter start")
    };
    assert!(none(&mut stage) || none(&mut stage), "without a classifier nothing can start");
    stage.press(&["Enter"]);
    stage.shows("choose a classifier first: Space");
}

#[test]
fn a_letter_that_a_command_takes_is_no_class_any_more() {
    let labelled = |stage: &Stage| stage.app.bench().ledger().undo_target().is_some();
    let mut usual = Stage::new("label");
    usual.press(&["a"]);
    assert!(labelled(&usual));
    let mut stage = with_keys("label", "[label]\nnote = \"a\"\n");
    stage.press(&["a"]);
    assert!(!labelled(&stage));
    stage.shows("note:");
    stage.press(&["Esc", "1"]);
    assert!(labelled(&stage));
}

#[test]
fn the_way_out_of_a_terminal_that_is_too_small_has_the_users_key() {
    let mut stage = with_keys("browse", "[everywhere]\nquit = \"Q\"\n");
    stage.app.resize(40, 10);
    stage.press(&["q"]);
    assert_eq!(stage.app.take_wish(), None);
    stage.press(&["Q"]);
    assert_eq!(stage.app.take_wish(), Some(Wish::Quit));
}
