//! Examples under the `--help` of each verb, in one table: a test has every one of them parsed.
//!
//! Deliberately absent: examples of verbs within a verb; theirs stand with the verb.

use clap::Command;

/// A verb (the empty name: the program without one) and its examples: a command line, and what it is for.
pub static EXAMPLES: &[(&str, &[(&str, &str)])] = &[
    (
        "",
        &[
            ("emolab", "open the demo corpus"),
            ("emolab ~/corpora/emodb", "open a corpus: a folder, or a table of clips"),
            ("emolab label ~/clips --annotator ann --scheme ekman6", "hear and label"),
            ("emolab compare ~/corpora/emodb --models cnn,svm,logistic --plan loso", "train and compare"),
            ("emolab export ~/clips --format csv -o labels.csv", "take the labels away"),
        ],
    ),
    (
        "scan",
        &[
            ("emolab scan ~/clips", "what emolab makes of a folder, and every problem"),
            ("emolab scan ~/clips --json", "for a program"),
        ],
    ),
    (
        "compare",
        &[
            ("emolab compare corpora/demo --models svm,logistic,majority", "a first table, in seconds"),
            ("emolab compare ~/corpora/emodb --models cnn,svm --plan loso --norm speaker", "speaker-independent"),
            ("emolab compare ~/clips --models svm --truth majority", "with the labels that people gave here"),
        ],
    ),
    (
        "keys",
        &[
            ("emolab keys", "which keys do what now"),
            ("emolab keys --default", "a keys.toml to start from"),
            ("emolab keys --check", "what is wrong with yours"),
        ],
    ),
    ("curve", &[("emolab curve ~/corpora/emodb --models svm,logistic --by speakers", "would more speakers help?")]),
    ("cross", &[("emolab cross ~/corpora/emodb ~/corpora/ravdess --models svm", "a matrix of two corpora")]),
    (
        "plan",
        &[
            ("emolab plan ~/corpora/emodb --plan speakers:5", "what each fold holds, and what folds share"),
            ("emolab plan ~/corpora/emodb --plan speakers:5 -o folds.json", "for --plan folds:folds.json"),
        ],
    ),
    (
        "search",
        &[
            ("emolab search ~/corpora/emodb --budget 20m", "as far as it comes in that time"),
            ("emolab search ~/corpora/emodb --models svm,mlp --trials 27", "the same result on every machine"),
        ],
    ),
    (
        "runs",
        &[
            ("emolab runs", "all that are kept"),
            ("emolab runs show 12", "everything about one"),
            ("emolab runs diff 12 13", "what sets two apart"),
        ],
    ),
    (
        "doctor",
        &[
            ("emolab doctor", "what works, and what mends what does not"),
            ("emolab doctor --audio browser", "one way out for sound alone"),
            ("emolab doctor --report", "for a bug mail"),
        ],
    ),
    ("verify", &[("emolab verify 12", "the same run again, compared to the last bit")]),
    (
        "report",
        &[
            ("emolab report 12", "text on standard output"),
            ("emolab report 12 13 --format html -o report.html", "one page to send"),
            ("emolab report 12 --fail-under uar=70", "exit code 3 below the bar, for scripts"),
        ],
    ),
    (
        "train",
        &[(
            "emolab train ~/corpora/emodb --model cnn --norm train --plan loso -o models/mine",
            "judge it, then fit on all",
        )],
    ),
    (
        "quantize",
        &[("emolab quantize models/mine --out models/mine-int8 --calibrate ~/corpora/emodb", "smaller and faster")],
    ),
    (
        "predict",
        &[
            ("emolab predict emodb-cnn ~/clips", "the model that comes with the program"),
            ("emolab predict models/mine a.wav b.wav --csv", "your own, as a table"),
        ],
    ),
    (
        "label",
        &[
            ("emolab label ~/clips", "with the classes of the corpus, as the login name"),
            ("emolab label ~/clips --annotator ann --scheme ekman6", "with a scheme"),
        ],
    ),
    (
        "ssh",
        &[
            ("emolab ssh ann@server:corpora/emodb", "the clips lie there, the sound is here"),
            ("emolab ssh server:clips --label -- -J jump", "straight to labelling, through a jump host"),
            ("emolab ssh server --run 'tmux new -A -s work'", "in a session that outlives the connection"),
        ],
    ),
    (
        "assign",
        &[
            (
                "emolab assign ~/clips --raters anna,ben,cleo --overlap 2 --repeats 5",
                "every clip is heard by two of three",
            ),
            ("emolab assign ~/clips", "the round that holds"),
        ],
    ),
    (
        "next",
        &[
            ("emolab next ~/clips --size 20", "half uncertain and diverse, half by lot"),
            ("emolab next ~/clips --curves", "what each way brought so far"),
        ],
    ),
    (
        "doubts",
        &[
            ("emolab doubts ~/clips --run 12", "20 suspects and 20 controls wait in Adjudicate"),
            ("emolab doubts ~/clips --report", "how many got another label"),
        ],
    ),
    (
        "agree",
        &[
            ("emolab agree ~/clips", "every coefficient, with intervals"),
            ("emolab agree ~/clips --fail-under alpha=0.6", "exit code 3 below the bar"),
            ("emolab agree ~/clips --gold ds -o gold.csv", "one label per clip"),
        ],
    ),
    ("raters", &[("emolab raters ~/clips --scheme ekman6", "a table per question")]),
    (
        "export",
        &[
            ("emolab export ~/clips -o labels.csv", "every annotation; the votes in labels.clips.csv"),
            ("emolab export ~/clips --format audformat -o labels/", "for audb and audformat"),
        ],
    ),
    (
        "import",
        &[
            ("emolab import ~/clips labels.csv --dry-run", "what would be new"),
            ("emolab import ~/clips labels.csv --map angry=anger", "with another name for a class"),
        ],
    ),
    (
        "backup",
        &[
            ("emolab backup", "beside the store, under its name and the time"),
            ("emolab backup /media/stick/labels.db", "to a new file"),
        ],
    ),
    ("restore", &[("emolab restore /media/stick/labels.db", "what was there is kept beside it")]),
    (
        "merge",
        &[
            ("emolab merge laptop.db", "what it has and this store has not"),
            ("emolab merge laptop.db --corpus-root /home/anna/emodb=/srv/emodb", "the corpus lies elsewhere there"),
        ],
    ),
    ("check", &[("emolab check", "exit code 1 and advice if something is wrong")]),
    (
        "features",
        &[
            ("emolab features ~/corpora/emodb --set egemaps -o features --format csv", "a line per clip"),
            ("emolab features --set egemaps --describe", "name, unit and source of each column"),
        ],
    ),
    (
        "segment",
        &[
            ("emolab segment ~/recordings --dry-run", "where long recordings would be cut"),
            ("emolab segment ~/recordings --longer-than 60", "cut them; the files stay as they are"),
        ],
    ),
    (
        "config",
        &[
            ("emolab config show --origin", "what holds, and which file or variable says so"),
            ("emolab config init", "write a commented file to fill in"),
            ("emolab config path --corpus ~/clips", "the files that are read for that corpus"),
        ],
    ),
    (
        "completions",
        &[
            ("emolab completions bash > ~/.local/share/bash-completion/completions/emolab", "bash"),
            ("emolab completions zsh > ~/.zfunc/_emolab", "zsh; fpath+=~/.zfunc before compinit"),
            ("emolab completions fish > ~/.config/fish/completions/emolab.fish", "fish"),
        ],
    ),
    (
        "man",
        &[
            ("emolab man | man -l -", "read it here"),
            ("emolab man --out ~/.local/share/man/man1", "then: man emolab-compare"),
        ],
    ),
];

/// The command with its examples under each help.
pub fn shown(command: Command) -> Command {
    EXAMPLES.iter().fold(command, |command, (verb, examples)| match *verb {
        "" => command.after_help(text(examples)),
        verb => command.mut_subcommand(verb, |verb| verb.after_help(text(examples))),
    })
}

/// What is for what stands below, where beside it there is no room.
fn text(examples: &[(&str, &str)]) -> String {
    let width = examples.iter().map(|(line, _)| line.len()).max().unwrap_or(0);
    let narrow = width <= 44;
    let lines = examples.iter().map(|(line, what)| match narrow {
        true => format!("\n  {line:<width$}   {what}"),
        false => format!("\n  {line}\n      {what}"),
    });
    format!("Examples:{}", lines.collect::<String>())
}
