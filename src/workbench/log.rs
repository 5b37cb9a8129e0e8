//! A training as JSON lines: one object per event, appended and on its way to the disk before the next one.
//!
//! `docs/log.md` says what stands in them. Whoever has other events (a search) writes them with [`Log::event`].
//! Deliberately absent: reading logs, and stopping a training because its log cannot be written.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::{Value, json};

use super::experiment::{Judged, News};
use super::live::{Live, uar};
use crate::job::{Cancelled, Watch, is_cancelled};
use crate::label::Timestamp;
use crate::learn::Epoch;
use crate::score::{Confusion, metric};

/// Far more than the longest line; a tail without an end of line is looked at this far.
const TAIL: u64 = 1 << 20;

/// The file, shared by the threads of a training.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    started: Instant,
    file: Mutex<Writer>,
}

#[derive(Debug)]
struct Writer {
    file: File,
    /// Nothing more is written after a failure: a log with holes would mislead.
    failed: bool,
}

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    kind: &'a str,
    at: Timestamp,
    elapsed: f64,
    #[serde(flatten)]
    body: &'a Value,
}

impl Log {
    /// Opens the file to append, or makes it. What an earlier process left half written at its end is cut off.
    ///
    /// # Errors
    /// The file cannot be written, or ends in something that is no line of a log.
    pub fn open(path: &Path) -> Result<Log> {
        let named = || path.display().to_string();
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).with_context(named)?;
        mend(&mut file).with_context(named)?;
        let file = Mutex::new(Writer { file, failed: false });
        Ok(Log { path: path.to_owned(), started: Instant::now(), file })
    }

    /// Writes an event: `body` is an object; numbers that are not finite become null.
    ///
    /// Returns why it could not be written: once, with the first event that could not; all later ones are dropped.
    pub fn event(&self, kind: &str, body: &Value) -> Option<String> {
        let line = Line { kind, at: Timestamp::now(), elapsed: self.started.elapsed().as_secs_f64(), body };
        let mut writer = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.failed {
            return None;
        }
        let written = serde_json::to_vec(&line).map_err(anyhow::Error::from).and_then(|mut line| {
            line.push(b'\n');
            // One call, no buffer: a kill leaves whole lines.
            Ok(writer.file.write_all(&line)?)
        });
        let error = written.err()?;
        writer.failed = true;
        Some(format!("the log ends here: {}: {error:#}", self.path.display()))
    }

    /// Writes how it ended: `done`, `cancelled` or `failed` with the reason. Returns as [`Log::event`].
    pub fn end<T>(&self, result: &Result<T>) -> Option<String> {
        let (outcome, reason) = match result {
            Ok(_) => ("done", None),
            Err(error) if is_cancelled(error) => ("cancelled", None),
            Err(error) => ("failed", Some(format!("{error:#}"))),
        };
        self.event("end", &json!({ "outcome": outcome, "reason": reason }))
    }
}

/// Sees to it that the file ends with an end of line.
fn mend(file: &mut File) -> Result<()> {
    // What is no file (a pipe, a device) has no length, and cannot be looked at.
    let len = file.metadata()?.len();
    if len == 0 {
        return Ok(());
    }
    let from = len.saturating_sub(TAIL);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(len - from).read_to_end(&mut tail)?;
    let start = tail.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let last = &tail[start..];
    if last.is_empty() {
        return Ok(());
    }
    if serde_json::from_slice::<Value>(last).is_ok() {
        return Ok(file.write_all(b"\n")?);
    }
    if !last.starts_with(b"{\"kind\":") {
        bail!("its last line is not a log's; choose another file");
    }
    Ok(file.set_len(from + start as u64)?)
}

/// A watch that writes the news of a training to a log, if there is one, and passes everything on.
pub struct Logged<'a> {
    log: Option<&'a Log>,
    outer: &'a dyn Watch<News>,
    live: Mutex<Live>,
}

impl<'a> Logged<'a> {
    /// In front of `outer`.
    pub fn new(log: Option<&'a Log>, outer: &'a dyn Watch<News>) -> Logged<'a> {
        Logged { log, outer, live: Mutex::default() }
    }
}

impl Watch<News> for Logged<'_> {
    fn check(&self) -> Result<(), Cancelled> {
        self.outer.check()
    }

    fn tell(&self, news: News) {
        if let Some(log) = self.log {
            // Held while writing: lines stand in the order of the news.
            let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
            live.hear(&news, log.started.elapsed().as_secs_f64());
            let trouble = event(&news, &live).and_then(|(kind, body)| log.event(kind, &body));
            if let Some(reason) = trouble {
                self.outer.tell(News::Trouble(reason));
            }
        }
        self.outer.tell(news);
    }
}

/// The line of a piece of news; none for how far the features are.
fn event(news: &News, live: &Live) -> Option<(&'static str, Value)> {
    Some(match news {
        News::Start(agenda) => ("start", json!(&**agenda)),
        News::Model { .. } | News::Reading { .. } => return None,
        News::Epoch { fold, epoch } => ("epoch", in_fold(live, *fold, epoch_body(epoch))),
        News::Fold { fold, confusion, seconds, done, folds } => {
            let body = json!({ "seconds": seconds, "done": done, "folds": folds });
            ("fold", in_fold(live, *fold, joined(body, fold_body(confusion))))
        }
        News::Trial { told, done, total } => ("trial", json!({ "told": told, "done": done, "total": total })),
        News::Run(judged) => ("run", run_body(judged)),
        News::Trouble(reason) => ("trouble", json!({ "reason": reason })),
    })
}

fn in_fold(live: &Live, fold: usize, body: Value) -> Value {
    let (model, plan) = live.model.as_ref().map_or(("", ""), |(model, plan, ..)| (model, plan));
    let name = live.series().and_then(|series| series.folds.get(fold));
    joined(json!({ "model": model, "plan": plan, "fold": fold + 1, "name": name }), body)
}

fn epoch_body(epoch: &Epoch) -> Value {
    json!({
        "epoch": epoch.epoch,
        "epochs": epoch.epochs,
        "train_loss": epoch.train_loss,
        "train_uar": epoch.train_uar,
        "dev_loss": epoch.dev_loss,
        "dev_uar": epoch.dev_uar,
        "rate": epoch.rate,
        "best": epoch.best,
        "may_stop": epoch.may_stop,
        "clips_per_second": epoch.pace.clips_per_second,
        "seconds": epoch.pace.seconds,
    })
}

fn fold_body(confusion: &Confusion) -> Value {
    let wa = metric("wa").and_then(|metric| (metric.of)(confusion));
    json!({ "uar": uar(confusion), "wa": wa, "clips": confusion.total(), "confusion": confusion })
}

fn run_body(judged: &Judged) -> Value {
    let (run, summary) = (&judged.run, &judged.summary);
    json!({
        "id": run.id,
        "model": run.recipe.classifier,
        "plan": run.protocol.plan.plan,
        "features": run.recipe.features,
        "norm": run.recipe.norm,
        "seed": run.recipe.seed,
        "speakers_leak": run.protocol.plan.speakers_leak,
        "uar": summary.uar,
        "uar_ci": summary.uar_ci.as_ref().map(|ci| [ci.low, ci.high]),
        "wa": summary.wa,
        "macro_f1": summary.macro_f1,
        "fit_seconds": run.fit_seconds,
    })
}

/// All entries of both objects.
fn joined(mut first: Value, second: Value) -> Value {
    if let (Some(first), Value::Object(second)) = (first.as_object_mut(), second) {
        first.extend(second);
    }
    first
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::job::Unwatched;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn lines(path: &Path) -> Vec<Value> {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "{text}");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn every_event_is_a_line_with_its_fold_and_nan_is_null() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.jsonl");
        let log = Log::open(&path).unwrap();
        let watch = Logged::new(Some(&log), &Unwatched);
        watch.tell(News::Model { model: "cnn".into(), plan: "loso".into(), index: 0, of: 1, folds: 2 });
        let epoch = Epoch { epoch: 3, epochs: 9, train_loss: f64::NAN, rate: 0.5, ..Epoch::default() };
        watch.tell(News::Epoch { fold: 1, epoch });
        let confusion = Confusion::of(&[0, 1], &[0, 0], 2).unwrap();
        watch.tell(News::Fold { fold: 1, confusion, seconds: 2.0, done: 1, folds: 2 });
        assert!(log.end(&anyhow::Ok(())).is_none());
        let all = lines(&path);
        let kinds: Vec<&str> = all.iter().map(|line| line["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["epoch", "fold", "end"]);
        assert_eq!((&all[0]["fold"], &all[0]["model"], &all[0]["rate"]), (&json!(2), &json!("cnn"), &json!(0.5)));
        assert!(all[0]["train_loss"].is_null() && all[0]["dev_uar"].is_null());
        assert_eq!((&all[1]["uar"], &all[1]["confusion"]), (&json!(0.5), &json!([[1, 0], [1, 0]])));
        assert_eq!(all[2]["outcome"], "done");
        assert!(all.iter().all(|line| line["at"].is_string() && line["elapsed"].is_f64()));
    }

    #[test]
    fn a_log_goes_on_behind_what_a_kill_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.jsonl");
        for (before, lines_left) in [("{\"kind\":\"a\"}\n{\"kind\":\"b\",\"x", 1), ("{\"kind\":\"a\"}", 1), ("", 0)] {
            std::fs::write(&path, before).unwrap();
            assert!(Log::open(&path).unwrap().event("c", &json!({ "x": 1 })).is_none());
            let all = lines(&path);
            assert_eq!((all.len(), &all[lines_left]["kind"]), (lines_left + 1, &json!("c")), "{before}");
        }
        std::fs::write(&path, "my diary").unwrap();
        assert!(Log::open(&path).unwrap_err().to_string().contains("log.jsonl"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "my diary", "what is not a log stays");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_once_and_stops_nothing() {
        struct Troubles(AtomicUsize);
        impl Watch<News> for Troubles {
            fn check(&self) -> Result<(), Cancelled> {
                Ok(())
            }
            fn tell(&self, news: News) {
                self.0.fetch_add(usize::from(matches!(news, News::Trouble(_))), Ordering::Relaxed);
            }
        }
        let file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let file = Mutex::new(Writer { file, failed: false });
        let log = Log { path: "/dev/full".into(), started: Instant::now(), file };
        let troubles = Troubles(AtomicUsize::new(0));
        let watch = Logged::new(Some(&log), &troubles);
        (0..3).for_each(|fold| watch.tell(News::Epoch { fold, epoch: Epoch::default() }));
        assert_eq!(troubles.0.load(Ordering::Relaxed), 1);
    }
}
