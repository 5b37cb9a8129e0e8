//! Settings that need not be typed every time: from the environment, from a file of the project, from a file of the user.
//!
//! Two files, since two kinds of people write them. The user's own (`$XDG_CONFIG_HOME/emolab/config.toml`) may say everything.
//! A project's (`emolab.toml` beside the corpus or above it) comes with somebody else's data: it may say what all who work on
//! that corpus have in common, and can neither choose where files are written nor in whose name one labels, nor name files
//! outside its own folder. What is wrong in a file is told with its line; the rest of the file holds.
//! Deliberately absent: what decides a result (features, plans, seeds): a run must not depend on a file that no one sees.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use anyhow::Result;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::places;

/// Name of a project's file.
pub const PROJECT_FILE: &str = "emolab.toml";

/// One thing that may be set.
#[derive(Debug)]
pub struct Setting {
    /// Its key in the files.
    pub name: &'static str,
    /// Its environment variable.
    pub env: &'static str,
    /// What it is, in a line.
    pub help: &'static str,
    /// What holds where nobody sets it, in words.
    pub default: &'static str,
    /// What may be said.
    pub kind: Kind,
    /// Whether a project's file may say it.
    pub shared: bool,
}

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A name: any text that is not empty.
    Name,
    /// A file or folder; in a file, relative to that file's folder, and `~/` is the home.
    Place,
    /// A built-in name, or a TOML file as in [`Kind::Place`].
    Described,
    /// One of these.
    Word(&'static [&'static str]),
}

/// All settings, by name.
pub static SETTINGS: &[Setting] = &[
    own("annotator", "EMOLAB_ANNOTATOR", "who labels", "the login name", Kind::Name),
    own("audio", "EMOLAB_AUDIO", "where sound goes, as --audio takes it", "auto", Kind::Name),
    own(
        "cache",
        "EMOLAB_CACHE",
        "folder of computed features, safe to delete",
        "emolab in XDG_CACHE_HOME",
        Kind::Place,
    ),
    own(
        "checkpoints",
        "EMOLAB_CHECKPOINTS",
        "folder of what a killed run goes on from",
        "emolab/checkpoints in XDG_STATE_HOME",
        Kind::Place,
    ),
    shared("corpus", "EMOLAB_CORPUS", "corpus description: a name or a TOML file", "recognised by itself"),
    own(
        "graphics",
        "EMOLAB_GRAPHICS",
        "spectrograms in pixels, by the protocol that the terminal knows",
        "off",
        Kind::Word(&["off", "kitty", "sixel"]),
    ),
    own(
        "journal",
        "EMOLAB_JOURNAL",
        "folder where labels wait while the store cannot take them",
        "emolab/journal in XDG_STATE_HOME",
        Kind::Place,
    ),
    own("log", "EMOLAB_LOG", "file that tells what happened", "emolab/emolab.log in XDG_STATE_HOME", Kind::Place),
    own(
        "log_level",
        "EMOLAB_LOG_LEVEL",
        "how much it tells",
        "info",
        Kind::Word(&["off", "error", "warn", "info", "debug", "trace"]),
    ),
    own("models", "EMOLAB_MODELS", "folder of your models", "emolab/models in XDG_DATA_HOME", Kind::Place),
    shared("scheme", "EMOLAB_SCHEME", "labelling scheme: a name or a TOML file", "the classes of the corpus"),
    own("store", "EMOLAB_STORE", "SQLite file of labels and runs", "emolab/emolab.db in XDG_DATA_HOME", Kind::Place),
    own(
        "theme",
        "EMOLAB_THEME",
        "colours for dark or light ground, or none",
        "auto",
        Kind::Word(&["auto", "dark", "light", "mono"]),
    ),
    own("tour", "EMOLAB_TOUR", "the three steps of the first start", "once", Kind::Word(&["once", "never"])),
];

const fn own(name: &'static str, env: &'static str, help: &'static str, default: &'static str, kind: Kind) -> Setting {
    Setting { name, env, help, default, kind, shared: false }
}

const fn shared(name: &'static str, env: &'static str, help: &'static str, default: &'static str) -> Setting {
    Setting { name, env, help, default, kind: Kind::Described, shared: true }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// This variable.
    Environment(&'static str),
    /// This line of this file.
    File(PathBuf, usize),
    /// Nobody said anything.
    Default,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Environment(name) => write!(f, "${name}"),
            Origin::File(path, line) => write!(f, "{}:{line}", path.display()),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// A value that a file gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Of which setting.
    pub name: &'static str,
    /// The value; a path is absolute.
    pub value: String,
    /// From which line of which file.
    pub origin: Origin,
}

/// Who wrote a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// The user.
    User,
    /// Whoever made the project.
    Project,
}

/// What holds, and what was wrong on the way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    chosen: Vec<Given>,
    /// A line each, naming file and line, or the variable.
    pub problems: Vec<String>,
}

impl Config {
    /// What holds for the corpus at `path`, or where there is none: the environment before the project's file before the user's.
    pub fn of(path: Option<&Path>) -> Config {
        let mut files = Vec::new();
        let mut problems = Vec::new();
        let project = path.and_then(project_file).map(|file| (file, Writer::Project));
        let user = user_file().ok().map(|file| (file, Writer::User));
        for (file, writer) in project.into_iter().chain(user) {
            let (given, wrong) = read(&file, writer);
            files.extend(given);
            problems.extend(wrong);
        }
        let merged = merge(|name| env::var(name).ok(), files);
        Config { problems: merged.problems.into_iter().chain(problems).collect(), ..merged }
    }

    /// The value of a setting, if anybody set it.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.chosen.iter().find(|given| given.name == name).map(|given| given.value.as_str())
    }

    /// Where that value comes from.
    pub fn origin(&self, name: &str) -> &Origin {
        self.chosen.iter().find(|given| given.name == name).map_or(&Origin::Default, |given| &given.origin)
    }
}

/// The environment first, then `files`, of which the first that says something counts.
pub fn merge(env: impl Fn(&str) -> Option<String>, files: Vec<Given>) -> Config {
    let mut config = Config::default();
    for setting in SETTINGS {
        // An empty variable is how a shell takes a setting back.
        let said = env(setting.env).filter(|value| !value.is_empty());
        let said = said.and_then(|value| match setting.kind.check(&value) {
            Ok(()) => Some(Given { name: setting.name, value, origin: Origin::Environment(setting.env) }),
            Err(reason) => {
                config.problems.push(format!("${}: {reason}", setting.env));
                None
            }
        });
        config.chosen.extend(said.or_else(|| files.iter().find(|given| given.name == setting.name).cloned()));
    }
    config
}

/// What the text of a file says, and what is wrong with it, a line each.
pub fn parse(text: &str, file: &Path, writer: Writer) -> (Vec<Given>, Vec<String>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let at = |offset: usize| 1 + text[..offset.min(text.len())].matches('\n').count();
    let told = |line: usize, reason: &str| format!("{}:{line}: {reason}", file.display());
    let mut problems: Vec<String> =
        errors.iter().map(|error| told(error.span().map_or(1, |span| at(span.start)), error.message())).collect();
    let mut given = Vec::new();
    for (key, value) in table.into_inner() {
        let line = at(key.span().start);
        // What could not be parsed is told already.
        if errors.iter().any(|error| error.span().is_some_and(|span| at(span.start) == line)) {
            continue;
        }
        match entry(key.get_ref(), &value, (file, writer)) {
            Ok((name, value)) => given.push(Given { name, value, origin: Origin::File(file.to_owned(), line) }),
            Err(reason) => problems.push(told(line, &reason)),
        }
    }
    (given, problems)
}

/// The user's file, whether or not it is there: `$EMOLAB_CONFIG`, else `emolab/config.toml` in the XDG config directory.
///
/// # Errors
/// Neither the variables nor `$HOME` are set.
pub fn user_file() -> Result<PathBuf> {
    places::config()
}

/// The project's file of the corpus at `path` (a folder or a table): beside it, or in the nearest folder above.
pub fn project_file(path: &Path) -> Option<PathBuf> {
    let root = path.canonicalize().ok()?;
    root.ancestors().map(|folder| folder.join(PROJECT_FILE)).find(|file| file.is_file())
}

/// What `config init` writes: every setting, commented out, with what it is.
pub fn template() -> String {
    let mut text = format!(
        "# Settings of emolab. A flag goes before an environment variable, that before a project's\n\
         # {PROJECT_FILE} (beside the corpus or above it), that before this file. `emolab config show --origin` tells what\n\
         # holds, and why. Lines marked (project) may stand in a project's file, too.\n"
    );
    for setting in SETTINGS {
        let project = if setting.shared { " (project)" } else { "" };
        let words = match setting.kind {
            Kind::Word(words) => format!(" ({})", words.join(", ")),
            _ => String::new(),
        };
        text += &format!(
            "\n# {}{words}{project}; ${}; default: {}\n# {} = \"\"\n",
            setting.help, setting.env, setting.default, setting.name
        );
    }
    text
}

fn read(file: &Path, writer: Writer) -> (Vec<Given>, Vec<String>) {
    match fs::read_to_string(file) {
        Ok(text) => parse(&text, file, writer),
        Err(error) if error.kind() == ErrorKind::NotFound => (Vec::new(), Vec::new()),
        Err(error) => (Vec::new(), vec![format!("{}: {error}", file.display())]),
    }
}

fn entry(
    key: &str,
    value: &Spanned<DeValue<'_>>,
    (file, writer): (&Path, Writer),
) -> Result<(&'static str, String), String> {
    let setting = SETTINGS.iter().find(|setting| setting.name == key).ok_or_else(|| unknown(key))?;
    if writer == Writer::Project && !setting.shared {
        let own = user_file().map_or_else(|_| "your own config.toml".to_owned(), |file| file.display().to_string());
        return Err(format!("`{key}` is each user's own: it is not taken from a project's file; set it in {own}"));
    }
    let text = match value.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Boolean(on) => if *on { "on" } else { "off" }.to_owned(),
        _ => return Err(format!("`{key}` must be a text in quotes")),
    };
    setting.kind.check(&text).map_err(|reason| format!("`{key}`: {reason}"))?;
    let value = match setting.kind {
        Kind::Place => absolute(&text, file),
        Kind::Described if is_file_name(&text) => {
            let named = |part| matches!(part, Component::Normal(name) if name != "~");
            let inside = Path::new(&text).components().all(|part| named(part) || part == Component::CurDir);
            if writer == Writer::Project && !inside {
                return Err(format!("`{key}`: a project's file may only name files of its own folder, not {text}"));
            }
            absolute(&text, file)
        }
        _ => text,
    };
    Ok((setting.name, value))
}

fn unknown(key: &str) -> String {
    let near = nearest(key, SETTINGS.iter().map(|setting| setting.name.to_owned()));
    let near = near.map(|name| format!("; did you mean `{name}`?"));
    format!("there is no setting `{key}`{}", near.unwrap_or_else(|| "; `emolab config show` lists all".to_owned()))
}

/// The one of `known` that `typed` was probably meant to be: at most two letters away, and not most of the word.
pub fn nearest(typed: &str, known: impl IntoIterator<Item = String>) -> Option<String> {
    let most = (typed.chars().count() / 2).min(2);
    let near = known.into_iter().map(|name| (strsim::levenshtein(typed, &name), name)).min()?;
    (near.0 <= most).then_some(near.1)
}

fn is_file_name(text: &str) -> bool {
    text.contains(['/', '\\']) || Path::new(text).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"))
}

fn absolute(text: &str, file: &Path) -> String {
    let path = match text.strip_prefix("~/").zip(env::home_dir()) {
        Some((rest, home)) => home.join(rest),
        None => file.parent().unwrap_or(Path::new("")).join(text),
    };
    path.display().to_string()
}

impl Kind {
    fn check(self, value: &str) -> Result<(), String> {
        match self {
            _ if value.trim().is_empty() => Err("nothing is given".to_owned()),
            _ if value.chars().any(char::is_control) => Err("control characters are not allowed".to_owned()),
            Kind::Word(words) if !words.contains(&value) => Err(format!("`{value}` is none of {}", words.join(", "))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> (Vec<Given>, Vec<String>) {
        parse(text, Path::new("/home/ann/.config/emolab/config.toml"), Writer::User)
    }

    fn project(text: &str) -> (Vec<Given>, Vec<String>) {
        parse(text, Path::new("/corpora/emolab.toml"), Writer::Project)
    }

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn what_is_nearer_goes_first() {
        let files =
            [project("scheme = 'ekman6'\n").0, user("scheme = 'mine'\nannotator = 'ann'\ntour = 'never'").0].concat();
        let env = |name: &str| (name == "EMOLAB_ANNOTATOR").then(|| "bob".to_owned());
        let config = merge(env, files);
        assert_eq!(
            (config.value("scheme"), config.origin("scheme").to_string()),
            (Some("ekman6"), "/corpora/emolab.toml:1".into())
        );
        assert_eq!(
            (config.value("annotator"), config.origin("annotator").to_string()),
            (Some("bob"), "$EMOLAB_ANNOTATOR".into())
        );
        assert_eq!(config.origin("tour").to_string(), "/home/ann/.config/emolab/config.toml:3");
        assert_eq!((config.value("store"), config.origin("store")), (None, &Origin::Default));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_the_rest_holds() {
        let (given, problems) = user(
            "annotater = 'x'\nlog_level = 'loud'\ncache = 7\ntour = 'never'\nstore = \nannotator = ''\nmodels = '~/m'\n",
        );
        let names: Vec<_> = given.iter().map(|given| given.name).collect();
        assert_eq!(names, ["tour", "models"]);
        let file = "/home/ann/.config/emolab/config.toml";
        let mut problems: Vec<_> = problems.iter().map(|line| line.strip_prefix(file).unwrap()).collect();
        problems.sort_unstable();
        assert_eq!(problems[0], ":1: there is no setting `annotater`; did you mean `annotator`?");
        assert_eq!(problems[1], ":2: `log_level`: `loud` is none of off, error, warn, info, debug, trace");
        assert_eq!(problems[2], ":3: `cache` must be a text in quotes");
        assert!(problems[3].starts_with(":5: "), "{problems:?}");
        assert_eq!(problems[4], ":6: `annotator`: nothing is given");
        assert_eq!(problems.len(), 5);
    }

    #[test]
    fn a_variable_that_makes_no_sense_is_told_and_passed_over() {
        let files = user("tour = 'never'").0;
        let config = merge(|name| (name == "EMOLAB_TOUR").then(|| "often".to_owned()), files);
        assert_eq!(config.value("tour"), Some("never"));
        assert_eq!(config.problems, ["$EMOLAB_TOUR: `often` is none of once, never"]);
    }

    #[test]
    fn somebody_elses_project_chooses_no_file_and_no_name() {
        for setting in SETTINGS.iter().filter(|setting| !setting.shared) {
            let value = if let Kind::Word(words) = setting.kind { words[0] } else { "x" };
            let (given, problems) = project(&format!("{} = '{value}'", setting.name));
            assert!(given.is_empty() && problems[0].contains("each user's own"), "{}: {problems:?}", setting.name);
        }
        for outside in ["/etc/x.toml", "../x.toml", "a/../../x.toml", "~/x.toml", "/etc/passwd"] {
            let (given, problems) = project(&format!("scheme = '{outside}'"));
            assert!(given.is_empty() && problems[0].contains("own folder"), "{outside}: {given:?}");
        }
        let (given, problems) = project("scheme = 'labels/ours.toml'\ncorpus = 'emodb'");
        assert!(problems.is_empty(), "{problems:?}");
        let values: Vec<_> = given.iter().map(|given| given.value.as_str()).collect();
        assert_eq!(values, ["/corpora/labels/ours.toml", "emodb"]);
    }

    #[test]
    fn the_nearest_projects_file_counts() {
        let top = tempfile::tempdir().unwrap();
        let corpus = top.path().join("a/b/wav");
        fs::create_dir_all(&corpus).unwrap();
        fs::write(corpus.join("clips.csv"), "file\n").unwrap();
        fs::write(top.path().join(PROJECT_FILE), "").unwrap();
        let found = || {
            project_file(&corpus).map(|file| file.strip_prefix(top.path().canonicalize().unwrap()).unwrap().to_owned())
        };
        assert_eq!(found(), Some(PROJECT_FILE.into()));
        fs::write(top.path().join("a/b").join(PROJECT_FILE), "").unwrap();
        assert_eq!(found(), Some(PathBuf::from("a/b").join(PROJECT_FILE)));
        assert_eq!(
            project_file(&corpus.join("clips.csv")).map(|file| file.parent().unwrap().ends_with("b")),
            Some(true)
        );
    }

    #[test]
    fn the_template_says_nothing_until_a_line_is_taken_in() {
        let text = template();
        assert_eq!(user(&text), (Vec::new(), Vec::new()));
        for setting in SETTINGS {
            let value = if let Kind::Word(words) = setting.kind { words[0] } else { "x" };
            let line = format!("# {} = \"\"", setting.name);
            assert!(text.contains(&line), "{}", setting.name);
            let (given, problems) = user(&text.replace(&line, &format!("{} = \"{value}\"", setting.name)));
            assert_eq!((given.len(), problems.len()), (1, 0), "{problems:?}");
        }
        assert_eq!(merge(none, Vec::new()), Config::default());
    }

    #[test]
    fn settings_are_in_order_and_named_once() {
        assert!(SETTINGS.windows(2).all(|two| two[0].name < two[1].name));
        assert!(SETTINGS.iter().all(|setting| setting.env.starts_with("EMOLAB_")));
    }
}
