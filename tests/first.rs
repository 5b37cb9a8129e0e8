//! The first five minutes: help with examples, completions, the manual, settings, the tour.

use serde_json::Value;

use crate::support::pty::{Start, Terminal};
use crate::support::{Home, demo, text};

const ENTER: &str = "\r";
const ESC: &str = "\x1b";

#[test]
fn every_verb_shows_examples_that_are_understood() {
    let command = emolab::cli::command();
    let shown = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    let mut seen = 0;
    for verb in std::iter::once(&command).chain(shown) {
        let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines: Vec<&str> = help.lines().map(str::trim).filter(|line| line.starts_with("emolab")).collect();
        assert!(!lines.is_empty(), "{} shows no example", verb.get_name());
        for line in lines {
            let line = line.split("   ").next().unwrap().split(['|', '>']).next().unwrap();
            if let Err(error) = emolab::cli::check(crate::docs::arguments(line)) {
                panic!("{line}: {error}");
            }
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn every_verb_can_be_completed_in_every_shell() {
    let home = Home::new();
    let command = emolab::cli::command();
    let verbs: Vec<&str> =
        command.get_subcommands().filter(|verb| !verb.is_hide_set()).map(|verb| verb.get_name()).collect();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = text(&home.run(&["completions", shell]).stdout);
        for verb in &verbs {
            assert!(script.contains(verb), "{shell} does not know {verb}");
        }
    }
    assert_eq!(home.run(&["completions", "tcsh"]).status.code(), Some(2));
    let script = home.path().join("emolab.bash");
    std::fs::write(&script, home.run(&["completions", "bash"]).stdout).unwrap();
    let asked = "source emolab.bash; COMP_WORDS=(emolab compa); COMP_CWORD=1; _emolab emolab compa emolab; echo \"${COMPREPLY[@]}\"";
    match std::process::Command::new("bash").args(["-c", asked]).current_dir(home.path()).output() {
        Ok(output) => assert_eq!(text(&output.stdout).trim(), "compare", "{}", text(&output.stderr)),
        Err(_) => crate::support::skipped("no bash"),
    }
}

#[test]
fn the_manual_has_a_page_for_each_verb_that_man_can_show() {
    let home = Home::new();
    let output = home.run(&["man", "--out", "man"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let command = emolab::cli::command();
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let page = std::fs::read_to_string(home.path().join(format!("man/emolab-{}.1", verb.get_name()))).unwrap();
        assert!(page.contains(".SH SYNOPSIS") && page.contains("Examples:"), "{page}");
    }
    let whole = text(&home.run(&["man"]).stdout);
    assert_eq!(whole, std::fs::read_to_string(home.path().join("man/emolab.1")).unwrap());
    assert!(whole.contains("emolab\\-compare(1)"), "{whole}");
    let shown =
        std::process::Command::new("man").args(["-l", "man/emolab-compare.1"]).current_dir(home.path()).output();
    match shown {
        Ok(shown) if shown.status.success() => {
            assert!(text(&shown.stdout).contains("emolab-compare"), "{}", text(&shown.stdout));
        }
        _ => crate::support::skipped("no man"),
    }
}

#[test]
fn settings_are_shown_with_where_they_were_said() {
    let home = Home::new();
    let project = home.path().join("project");
    let clips = project.join("clips");
    std::fs::create_dir_all(&clips).unwrap();
    std::fs::write(project.join("emolab.toml"), "scheme = 'ekman6'\nstore = '/tmp/evil.db'\n").unwrap();
    let folder = home.path().join(".config/emolab");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), "# mine\nannotator = 'ann'\ncashe = 'x'\nmodels = 'm'\n").unwrap();
    let args = ["config", "show", "--origin", "--json", "--corpus", clips.to_str().unwrap()];
    let output = home.emolab(&args).env("EMOLAB_TOUR", "never").output().unwrap();
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    let settings = &all["settings"];
    assert_eq!(settings["annotator"]["value"], "ann");
    assert!(settings["annotator"]["origin"].as_str().unwrap().ends_with("config.toml:2"));
    assert_eq!(settings["scheme"]["value"], "ekman6");
    assert!(settings["scheme"]["origin"].as_str().unwrap().ends_with("project/emolab.toml:1"));
    assert_eq!(settings["tour"]["origin"], "$EMOLAB_TOUR");
    assert_eq!(settings["models"]["value"].as_str().unwrap(), folder.join("m").to_str().unwrap());
    assert_eq!((&settings["store"]["value"], &settings["store"]["origin"]), (&Value::Null, &"default".into()));
    let problems: Vec<&str> = all["problems"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert!(
        problems.iter().any(|one| one.contains("emolab.toml:2") && one.contains("each user's own")),
        "{problems:?}"
    );
    assert!(problems.iter().any(|one| one.contains("config.toml:3") && one.contains("`cache`")), "{problems:?}");
    let shown = text(&home.run(&["config", "show", "--origin"]).stdout);
    assert!(
        shown.lines().any(|line| line.starts_with("store") && line.contains("default: emolab/emolab.db")),
        "{shown}"
    );
}

#[test]
fn a_file_of_settings_is_written_once_and_obeyed() {
    let home = Home::new();
    let made = home.run(&["config", "init"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let path = home.path().join(".config/emolab/config.toml");
    assert_eq!(text(&made.stdout).trim(), path.to_str().unwrap());
    assert_eq!(text(&home.run(&["config", "path"]).stdout).trim(), path.to_str().unwrap());
    let again = home.run(&["config", "init"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("is there already"), "{}", text(&again.stderr));
    let written = std::fs::read_to_string(&path).unwrap().replace("# store = \"\"", "store = \"~/own/labels.db\"");
    std::fs::write(&path, written).unwrap();
    let demo = demo();
    let run = home.run(&["compare", demo.to_str().unwrap(), "--models", "majority", "--plan", "speakers:2", "--quiet"]);
    assert!(run.status.success() && run.stderr.is_empty(), "{}", text(&run.stderr));
    assert!(home.path().join("own/labels.db").exists() && !home.path().join(".local/share/emolab").exists());
    let flag = home.run(&["runs", "--store", "nowhere.db"]);
    assert!(!text(&flag.stdout).contains("majority"), "a flag goes before the file");
    // What is wrong is told with every verb, and stops none.
    std::fs::write(&path, "stroe = 'x'\n").unwrap();
    let told = home.run(&["scan", demo.to_str().unwrap(), "--quiet"]);
    assert!(told.status.success());
    assert!(text(&told.stderr).contains("config.toml:1: there is no setting `stroe`; did you mean `store`?"));
}

#[test]
fn the_tour_goes_on_as_the_user_does_and_comes_once() {
    let home = Home::new();
    let start = || Start { env: &[("EMOLAB_TOUR", "")], ..Start::default() };
    let open = |args: &[&str]| Terminal::with(home.path(), &[&["--silent"], args].concat(), start());
    let mut terminal = open(&[]);
    terminal.wait("96 of 96 clips");
    terminal.wait("step 1 of 3");
    terminal.send(" ");
    terminal.wait("step 2 of 3");
    terminal.send("2");
    terminal.wait("0 labelled");
    // The card hides no answer.
    let seen = ["step 2 of 3", "1 a anger", "3 H happiness", "6 p surprise", "cannot judge"];
    terminal.wait_until("card and answers", |screen| seen.iter().all(|text| screen.contains(text)));
    terminal.send("1");
    terminal.wait("step 3 of 3");
    // What the card says, to the letter: in Label a digit answers.
    terminal.send(ESC);
    terminal.wait("96 of 96 clips");
    terminal.send("3");
    terminal.wait("classifiers");
    assert!(terminal.screen().contains("step 3 of 3"));
    terminal.send("\x1bOQ");
    terminal.wait_until("no tour", |screen| !screen.contains("step 3"));
    terminal.send(":");
    terminal.send("tour");
    terminal.send(ENTER);
    terminal.wait("step 1 of 3");
    terminal.send("q");
    assert!(terminal.end());
    let mut terminal = open(&[]);
    terminal.wait("96 of 96 clips");
    assert!(!terminal.screen().contains("step 1"), "{}", terminal.screen());
    terminal.send("q");
    assert!(terminal.end());
    let mut terminal = open(&["--tour"]);
    terminal.wait("step 1 of 3");
    // It can be left alone and everything works.
    terminal.send("3");
    terminal.wait("classifiers");
    terminal.send("aa");
    terminal.send(" ");
    terminal.wait("[x]");
    terminal.send("q");
    assert!(terminal.end());
}

#[test]
fn what_is_not_there_is_told_with_what_was_probably_meant() {
    let home = Home::new();
    std::fs::create_dir(home.path().join("recordings")).unwrap();
    let told = |args: &[&str]| text(&home.run(args).stderr);
    assert!(told(&["recordigns"]).contains("did you mean recordings?"), "{}", told(&["recordigns"]));
    assert!(told(&["comprae"]).contains("did you mean compare?"), "{}", told(&["comprae"]));
    assert!(!told(&["something-else"]).contains("did you mean"));
}
