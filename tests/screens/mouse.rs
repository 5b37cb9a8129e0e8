//! The mouse: what is pressed where it is drawn does what its key does.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::*;
use emolab::tui::app::DOUBLE;

static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
const SIZE: (u16, u16) = (80, 24);

impl Stage {
    /// Where `wanted` is drawn first, at or below a line.
    fn find(&self, wanted: &str, from: u16) -> Position {
        let buffer = self.cells(SIZE.0, SIZE.1);
        for y in from..SIZE.1 {
            let cells: Vec<&str> = (0..SIZE.0).map(|x| buffer[(x, y)].symbol()).collect();
            let line = cells.concat();
            if let Some(place) = line.find(wanted) {
                return Position::new(line[..place].chars().count() as u16, y);
            }
        }
        panic!("no {wanted:?} in\n{}", self.screen());
    }

    fn event(&mut self, kind: MouseEventKind, at: Position) -> bool {
        // Each a while after the one before.
        static CLOCK: AtomicU64 = AtomicU64::new(1);
        let passed = CLOCK.fetch_add(2 * DOUBLE.as_millis() as u64, Ordering::Relaxed);
        self.event_at(kind, at, *BEGIN + Duration::from_millis(passed))
    }

    fn event_at(&mut self, kind: MouseEventKind, at: Position, now: Instant) -> bool {
        self.app.resize(SIZE.0, SIZE.1);
        self.app.mouse_at(&MouseEvent { kind, column: at.x, row: at.y, modifiers: KeyModifiers::NONE }, now)
    }

    fn click(&mut self, at: Position) {
        assert!(self.event(MouseEventKind::Down(MouseButton::Left), at));
    }

    /// Two presses, so far apart.
    fn click_twice(&mut self, at: Position, apart: Duration) {
        let now = *BEGIN + Duration::from_secs(1_000_000);
        for when in [now, now + apart] {
            assert!(self.event_at(MouseEventKind::Down(MouseButton::Left), at, when));
        }
    }

    fn click_on(&mut self, text: &str) -> &mut Stage {
        let at = self.find(text, 0);
        self.click(at);
        self
    }
}

/// Commands that the footer shows, each with its key and the columns of both.
fn offered(stage: &Stage) -> Vec<(String, std::ops::Range<u16>)> {
    let line = stage.screen().lines().last().unwrap().to_owned();
    let mut offered = Vec::new();
    for part in line.split("  ").map(str::trim).filter(|part| !part.is_empty()) {
        let start = line[..line.find(part).unwrap()].chars().count() as u16;
        let key = part.split(' ').next().unwrap();
        offered.push((key.to_owned(), start..start + part.chars().count() as u16));
    }
    offered
}

#[test]
fn every_item_of_the_frame_does_where_it_is_drawn_what_its_key_does() {
    for (name, mut stage) in every_screen() {
        stage.app.resize(SIZE.0, SIZE.1);
        let offered = offered(&stage);
        assert!(offered.len() > 2, "{name}: {offered:?}");
        for (key, columns) in offered {
            let wanted = stage.app.command_of(&key);
            assert!(wanted.is_some(), "{name}: {key}");
            for x in columns.clone() {
                assert_eq!(stage.app.command_at(Position::new(x, SIZE.1 - 1)), wanted, "{name}: {key} at {x}");
            }
            assert_ne!(stage.app.command_at(Position::new(columns.end, SIZE.1 - 1)), wanted, "{name}: behind {key}");
        }
        for (number, tab) in ["Browse", "Label", "Train", "Results", "Features", "Agree"].iter().enumerate() {
            let at = stage.find(tab, 0);
            let digit = (number + 1).to_string();
            assert_eq!(stage.app.command_at(at), stage.app.command_of(&digit), "{name}: {tab}");
        }
        assert_eq!(stage.app.command_at(Position::new(40, 12)), None, "{name}");
    }
}

#[test]
fn a_tab_and_an_item_of_the_footer_can_be_pressed() {
    let mut stage = Stage::new("browse");
    stage.click_on("Train");
    stage.shows("classifiers");
    stage.click_on("? help");
    stage.shows("next view     curves");
    // A press on the text does nothing, one on the foot closes it; the wheel turns pages.
    stage.click_on("train and judge");
    stage.event(MouseEventKind::ScrollDown, Position::new(40, 12));
    stage.shows("4 of ");
    stage.click_on("Esc closes");
    assert!(!stage.screen().contains("Esc closes"));
}

#[test]
fn a_row_is_selected_then_opened() {
    let mut stage = Stage::new("browse");
    stage.click_on("m1_anger");
    stage.shows("m1_anger_s1.flac · anger");
    stage.click_on("m1_anger");
    stage.shows("cannot judge");
    stage.press(&["Esc"]);
    stage.event(MouseEventKind::ScrollUp, Position::new(5, 5));
    stage.shows("f1_neutral_s1.flac · neutral");
}

#[test]
fn a_head_sorts_and_turns_round() {
    let mut stage = Stage::new("browse");
    let head = stage.find("seconds", 2);
    stage.click(head);
    stage.shows("by seconds ascending");
    stage.click(head);
    stage.shows("by seconds descending");
    let mut stage = Stage::with_runs(&runs());
    stage.click_on("model ");
    stage.shows("model▲");
    stage.click_on("model▲");
    stage.shows("model▼");
}

#[test]
fn the_picture_plays_from_where_it_is_pressed() {
    let mut stage = Stage::new("browse");
    stage.pictured(0);
    // Columns 5 to 79 show the clip's 1.35 seconds.
    stage.click(Position::new(5 + 37, 16));
    let share = stage.app.bench().heard(0).unwrap();
    assert!((share - 0.5).abs() < 0.02, "{share}");
    assert!(stage.app.bench().playback().playing);
}

#[test]
fn a_class_answers_as_its_key_does() {
    let labels = |act: &dyn Fn(&mut Stage)| {
        let mut stage = Stage::new("label");
        act(&mut stage);
        let bench = stage.app.bench();
        let question = bench.ledger().questions().next().unwrap();
        let said = |clip: &emolab::corpus::Clip| bench.ledger().answer(&clip.id, question).map(str::to_owned);
        bench.corpus().clips.iter().map(said).collect::<Vec<_>>()
    };
    let pressed = labels(&|stage| {
        stage.press(&["2", "1"]);
    });
    let clicked = labels(&|stage| {
        let second = stage.find("2 ", 15);
        stage.click(second);
        let first = stage.find("1 ", 15);
        stage.click(first);
    });
    assert_eq!(pressed, clicked);
    assert_eq!(pressed.iter().flatten().count(), 2);
    let unable = labels(&|stage| {
        stage.click_on("cannot judge");
    });
    let pressed = labels(&|stage| {
        stage.press(&["0"]);
    });
    assert_eq!(unable, pressed);
    assert_eq!(unable.iter().flatten().count(), 1);
}

#[test]
fn a_cell_of_the_confusion_matrix_is_selected_then_opened() {
    let mut stage = Stage::with_runs(&runs());
    stage.press(&["Enter"]);
    stage.click_on("confusion");
    stage.shows("anger heard as anger");
    let fear = stage.find("fear", 7);
    let row = stage.find("neutral", fear.y + 1);
    let cell = Position::new(fear.x, row.y);
    stage.click(cell);
    stage.shows("neutral heard as fear");
    let mut keys = Stage::with_runs(&runs());
    keys.press(&["Enter", "Tab", "j", "j", "l"]);
    assert_eq!(stage.screen(), keys.screen());
    stage.click(cell);
    keys.press(&["Enter"]);
    assert_eq!(stage.screen(), keys.screen());
}

#[test]
fn a_choice_of_train_changes_under_the_mouse_and_starts_nothing() {
    let mut stage = Stage::new("train");
    let plan = stage.find("plan      <", 3);
    stage.click(plan);
    stage.shows("plan      < loso >");
    stage.click(plan);
    stage.shows("plan      < speakers:5 >");
    // It stays where it is, so that the next press changes it again.
    assert_eq!(stage.find("plan      <", 3), plan);
    assert!(stage.app.bench().training().is_none());
}

#[test]
fn the_palette_and_the_question_answer_to_the_mouse() {
    let mut stage = Stage::new("browse");
    stage.press(&[":"]).type_in("results");
    stage.click_on("the runs and their scores");
    stage.shows("no runs yet");
    stage.press(&["Ctrl-c"]);
    stage.shows("quit?");
    stage.click(Position::new(0, 0));
    assert!(!stage.screen().contains("quit?"));
    stage.press(&["Ctrl-c"]);
    stage.click_on("y quits");
    assert_eq!(stage.app.take_wish(), Some(Wish::Quit));
}

#[test]
fn other_buttons_releases_and_small_terminals_draw_nothing_anew() {
    let mut stage = Stage::new("browse");
    let at = Position::new(3, 5);
    assert!(!stage.event(MouseEventKind::Up(MouseButton::Left), at));
    assert!(!stage.event(MouseEventKind::Down(MouseButton::Right), at));
    assert!(!stage.event(MouseEventKind::Moved, at));
    stage.app.resize(40, 10);
    let click =
        MouseEvent { kind: MouseEventKind::Down(MouseButton::Left), column: 3, row: 0, modifiers: KeyModifiers::NONE };
    assert!(!stage.app.mouse(&click));
    stage.press(&["F1"]);
}

#[test]
fn the_mouse_can_be_left_to_the_terminal() {
    let mut stage = Stage::new("browse");
    stage.press(&[":"]).type_in("mouse").press(&["Enter"]);
    assert_eq!(stage.app.take_wish(), Some(Wish::Mouse(false)));
    stage.shows("the mouse selects text");
    stage.press(&[":"]).type_in("mouse").press(&["Enter"]);
    assert_eq!(stage.app.take_wish(), Some(Wish::Mouse(true)));
}

#[test]
fn the_second_press_of_a_double_click_never_labels_the_next_clip() {
    let labelled = |apart: Duration| {
        let mut stage = Stage::new("label");
        let first = stage.find("1 ", 15);
        stage.click_twice(first, apart);
        stage.app.bench().ledger().labelled_count()
    };
    assert_eq!(labelled(Duration::from_millis(150)), 1);
    assert_eq!(labelled(DOUBLE), 2, "who presses slowly means it");
}

#[test]
fn questions_of_a_form_and_the_steps_of_a_scale_are_reached_by_the_mouse() {
    let mut stage = Stage::with("label", Depth::True, |settings| settings.scheme = Some("vad".to_owned()));
    stage.shows("1 of 3");
    stage.click_on("Dominance");
    stage.shows("3 of 3");
    stage.click_on("Arousal");
    stage.shows("2 of 3");
    stage.click_on("cannot judge");
    stage.shows("Arousal cannot judge");
}

#[test]
fn what_may_come_next_is_put_into_the_line_by_the_mouse() {
    let mut stage = Stage::new("browse");
    stage.press(&["f"]).type_in("se");
    stage.click_on("sentence:");
    stage.shows("filter: sentence:");
    stage.click_on("sex:");
    stage.shows("filter: sex:");
}

#[test]
fn a_press_on_the_card_ends_the_tour() {
    let mut stage = Stage::new("browse");
    stage.press(&[":"]).type_in("tour").press(&["Enter"]).shows("step 1 of 3");
    stage.click_on("F2 ends the tour");
    assert!(!stage.screen().contains("step 1 of 3"));
}

#[test]
fn a_class_decides_a_dispute_and_a_double_click_one_alone() {
    let mut stage = super::agree::stage("agree");
    super::agree::studied(&mut stage);
    stage.press(&["a"]);
    stage.until(|app| !app.bench().is_studying());
    stage.shows("dispute 1 of 4");
    let anger = stage.find("]anger", 10);
    stage.click_twice(anger, Duration::from_millis(100));
    stage.shows("dispute 2 of 4");
    stage.shows("decided before: anger");
    stage.click_on("[0]unfit");
    stage.shows("decided before: unfit");
}

#[test]
fn the_cursor_of_cut_goes_where_the_recording_is_pressed() {
    let mut stage = Stage::new("browse");
    stage.press(&["X"]);
    stage.until(|app| app.bench().cutting().is_some_and(|cutting| cutting.overview.is_some()));
    stage.click(Position::new(40, 2));
    stage.shows("at       0:00.682");
    stage.press(&["z"]);
    stage.click(Position::new(0, 8));
    stage.shows("at       0:00.3");
}
