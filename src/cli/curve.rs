//! `emolab curve`: learning curves as a table or JSON.

use std::io::Write;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};

use super::compare::{ProtocolArgs, protocol, protocol_text, tell_cache, tell_problems};
use super::log::ended;
use super::progress::Progress;
use super::running::Running;
use super::table::{lines, percent};
use super::{Place, opened, stdout};
use crate::corpus::plan::Plan;
use crate::features::cache::Cache;
use crate::store::{Coin, Run};
use crate::workbench::Keeper;
use crate::workbench::curve::{Curve, Point, Spending, curve, curves};
use crate::workbench::experiment::Compared;
use crate::workbench::folds::default_plan;
use crate::workbench::log::{Log, Logged};
use crate::workbench::material::Listener;

/// Arguments of `emolab curve`.
#[derive(Debug, Args)]
pub struct CurveVerb {
    #[command(flatten)]
    place: Place,
    /// Classifiers, separated by commas.
    #[arg(long, value_parser = super::classifier_named, value_delimiter = ',', value_name = "NAMES", required = true)]
    models: Vec<String>,
    /// What there is less and less of: whole speakers, or clips (of each class by its share).
    #[arg(long, value_name = "COIN", default_value_t = Coin::Speakers)]
    by: Coin,
    /// Points of a curve, the last one with everything: speakers are spread evenly, clips are halved.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=50))]
    points: u32,
    /// Draws of speakers or clips at each point but the last.
    #[arg(long, value_name = "R", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeats: u32,
    #[command(flatten)]
    protocol: ProtocolArgs,
    /// A plan that keeps speakers apart [default: loso up to 12 speakers, else speakers:5].
    #[arg(long)]
    plan: Option<Plan>,
    #[command(flatten)]
    running: Running,
}

impl CurveVerb {
    /// Scans, runs every point, saves, prints.
    pub fn run(self) -> Result<()> {
        let progress = Progress::new(self.running.quiet)?;
        // Before the scan: a typing error should not cost minutes.
        self.protocol.check(&self.models)?;
        let log = self.running.log.open()?;
        let compared = ended(log.as_ref(), self.spend(log.as_ref(), &progress))?;
        let mut out = stdout();
        if self.running.json {
            serde_json::to_writer_pretty(&mut out, &json_of(&compared))?;
            writeln!(out)?;
        } else {
            text(&compared).iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
        out.flush()?;
        compared.clear_checkpoints();
        if !compared.failed.is_empty() {
            bail!("{} of {} runs failed", compared.failed.len(), compared.failed.len() + compared.runs.len());
        }
        Ok(())
    }

    fn spend(&self, log: Option<&Log>, progress: &Progress) -> Result<Compared> {
        let corpus = opened(&self.place.path, self.place.corpus().as_deref(), &self.running.files, progress)?;
        tell_problems(&corpus);
        let corpus = self.protocol.truth.apply(corpus, &self.running.files)?;
        let plan = self.plan.clone().unwrap_or_else(|| default_plan(&corpus));
        let request = self.protocol.request(self.models.clone(), plan);
        let spending = Spending { by: self.by, points: self.points as usize, draws: self.repeats as usize };
        let cache = Cache::open(&self.running.files.cache()?);
        let listener = Listener {
            cache: &cache,
            preparation: self.running.prepare.preparation(self.protocol.features.as_deref()),
        };
        let mut keeper = Keeper::new(self.running.files.store()?);
        let mut keep = |run: &Run| if self.running.no_save { Ok(None) } else { keeper.keep(run).map(Some) };
        let watch = Logged::new(log, progress);
        let compared = curve(&corpus, (&request, spending), &listener, &mut keep, &watch)?;
        progress.end();
        tell_cache(&cache);
        Ok(compared)
    }
}

fn text(compared: &Compared) -> Vec<String> {
    // The last run of a classifier is the whole plan: what stands in its protocol is true of all.
    let mut all = compared.runs.last().map_or_else(Vec::new, |last| protocol_text(last));
    for curve in curves(&compared.runs) {
        all.push(String::new());
        all.push(format!(
            "{}, {}: UAR % of the same test clips, learnt from fewer {}",
            curve.model, curve.features, curve.by
        ));
        let head = [&curve.by.to_string(), "clips a fold", "draws", "UAR % ± over draws", "± over folds"];
        let head = head.map(str::to_owned).to_vec();
        all.extend(lines(&std::iter::once(head).chain(curve.points.iter().map(row)).collect::<Vec<_>>()));
    }
    all
}

fn row(point: &Point) -> Vec<String> {
    let spread = point.draws.map_or_else(String::new, |sd| format!(" ± {}", percent(Some(sd))));
    vec![
        point.amount.to_string(),
        format!("{:.0}", point.clips),
        point.runs.len().to_string(),
        format!("{}{spread}", percent(point.uar)),
        percent(point.folds),
    ]
}

fn json_of(compared: &Compared) -> Value {
    json!({
        "protocol": compared.runs.last().map(|last| protocol(&last.run)),
        "curves": curves(&compared.runs).iter().map(curve_json).collect::<Vec<_>>(),
        "failed": compared.failed,
    })
}

fn curve_json(curve: &Curve) -> Value {
    let point = |point: &Point| {
        json!({
            curve.by.to_string(): point.amount, "clips_a_fold": point.clips, "uar": point.uar,
            "uar_sd_over_draws": point.draws, "uar_sd_over_folds": point.folds,
            "runs": point.runs.iter().map(|judged| json!({ "id": judged.run.id, "uar": judged.summary.uar })).collect::<Vec<_>>(),
        })
    };
    json!({
        "model": curve.model, "features": curve.features, "plan": curve.plan, "by": curve.by,
        "points": curve.points.iter().map(point).collect::<Vec<_>>(),
    })
}
