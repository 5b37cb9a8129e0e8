//! The recipes of a search, numbered: first those of the classifiers as they are, then random points of the space.
//!
//! The same seed gives the same candidates in the same order, however many are asked for, on every outer fold.
//! Deliberately absent: data.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use rand::SeedableRng;
use rand_pcg::Pcg64;

use super::super::experiment::Request;
use super::super::material::{Contender, contenders};
use super::halving::epochs;
use crate::learn::Recipe;
use crate::learn::cnn::Settings;
use crate::learn::space::{Point, Space};

/// So many points in a row that are no new candidate: the space is used up.
const MISSES: usize = 200;

/// What the first candidates change.
const UNCHANGED: &str = "nothing";

/// The key of a net's epochs.
const EPOCHS: &str = "schedule.epochs";

/// A recipe that takes part.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Candidate {
    /// What it changes in the recipe that the search starts from; empty for that recipe itself.
    pub changes: Point,
    /// All of it.
    pub recipe: Recipe,
}

/// Candidates as far as they were asked for.
pub struct Candidates<'a> {
    request: &'a Request,
    space: Space,
    contenders: Vec<Contender>,
    random: Pcg64,
    all: Vec<Candidate>,
}

impl Candidate {
    /// The recipe with its epochs divided, for a fit on so many clips.
    pub fn shortened(&self, shorten: usize, clips: usize) -> Recipe {
        let full = full_epochs(&self.recipe, clips).filter(|_| shorten > 1);
        Recipe { epochs: full.map_or(self.recipe.epochs, |full| Some(epochs(full, shorten))), ..self.recipe.clone() }
    }

    /// What it changes, in a line.
    pub fn text(&self) -> String {
        if self.changes.0.is_empty() { UNCHANGED.to_owned() } else { self.changes.text() }
    }
}

impl<'a> Candidates<'a> {
    /// Of this space; the classifiers are those that it names, or those of the request.
    ///
    /// # Errors
    /// Unknown names, several classifiers under one name, several seeds; a space that does not fit the nets.
    pub fn new(request: &'a Request, space: &Space) -> Result<Candidates<'a>> {
        let named: Vec<String> = space.words("model").into_iter().map(str::to_owned).collect();
        let contenders = contenders(if named.is_empty() { &request.models } else { &named })?;
        if let Some(several) = contenders.iter().find(|who| who.members.len() > 1) {
            bail!("a search is of single classifiers, and {} is several", several.name);
        }
        ensure!(request.effort.seeds < 2, "a search fits each trial once; fit what it finds with several seeds");
        ensure!(request.effort.pretrain.is_empty(), "a search starts each trial at random, without --pretrain");
        let names: Vec<toml::Value> = contenders.iter().map(|who| toml::Value::String(who.name.to_owned())).collect();
        let space = space.clone().with("model", names.clone());
        let random = Pcg64::seed_from_u64(request.seed);
        let mut candidates = Candidates { request, space, contenders, random, all: Vec::new() };
        for name in names {
            let point = Point([("model".to_owned(), name)].into_iter().collect());
            let recipe = candidates.recipe(&point)?;
            candidates.all.push(Candidate { changes: Point::default(), recipe });
        }
        let nets: Vec<Settings> = candidates.all.iter().filter_map(|one| one.recipe.net.clone()).collect();
        candidates.space.check(&nets)?;
        Ok(candidates)
    }

    /// The classifiers.
    pub fn contenders(&self) -> &[Contender] {
        &self.contenders
    }

    /// Nets that are not the registry's.
    pub fn nets(&self) -> &BTreeMap<String, Settings> {
        &self.request.nets
    }

    /// The feature sets that are asked for, by candidates or by the request; `None` = what a classifier usually reads.
    pub fn features(&self) -> Vec<Option<&str>> {
        // Unchanged recipes come first: they read what the request says.
        let varied = self.space.words("features").into_iter().map(Some);
        std::iter::once(self.request.features.as_deref()).chain(varied).collect()
    }

    /// Those that were asked for so far.
    pub fn all(&self) -> &[Candidate] {
        &self.all
    }

    /// Candidate `number`; `None` when the space holds no more.
    ///
    /// # Errors
    /// No point of the space makes a net.
    pub fn get(&mut self, number: usize) -> Result<Option<&Candidate>> {
        while self.all.len() <= number {
            match self.another()? {
                Some(candidate) => self.all.push(candidate),
                None => return Ok(None),
            }
        }
        Ok(self.all.get(number))
    }

    /// A point that is no candidate yet; `None` after too many that were.
    fn another(&mut self) -> Result<Option<Candidate>> {
        let mut refused = None;
        for _ in 0..MISSES {
            let point = self.space.draw(&mut self.random);
            match self.recipe(&point) {
                Ok(recipe) if self.all.iter().all(|other| other.recipe != recipe) => {
                    let changes = self.kind(&point)?.1;
                    return Ok(Some(Candidate { changes, recipe }));
                }
                Ok(_) => refused = None,
                Err(why) => refused = Some(why),
            }
        }
        refused.map_or(Ok(None), |why| Err(why).context("no point of the space makes a net"))
    }

    /// The contender of a point, and what of the point concerns it.
    fn kind(&self, point: &Point) -> Result<(&Contender, Point)> {
        let name = point.word("model").unwrap_or_default();
        let who = self.contenders.iter().find(|who| who.name == name).context("no such classifier")?;
        Ok((who, point.meant_for(who.members[0].0)))
    }

    fn recipe(&self, point: &Point) -> Result<Recipe> {
        let (who, point) = self.kind(point)?;
        let features = point.word("features").map(str::to_owned).or_else(|| self.request.features.clone());
        let norm = point.word("norm").map_or(Ok(self.request.norm), str::parse).map_err(anyhow::Error::msg)?;
        let (mut recipe, _) = Request { features, norm, ..self.request.clone() }.recipe(who)?;
        if let Some(net) = &mut recipe.net {
            *net = point.apply(net)?;
            // Epochs that were asked for once stand above those of the net; those that vary cannot.
            recipe.epochs = recipe.epochs.filter(|_| !point.0.contains_key(EPOCHS));
        }
        Ok(recipe)
    }
}

/// Epochs of a whole fit on so many clips; `None` for what has none.
pub fn full_epochs(recipe: &Recipe, clips: usize) -> Option<usize> {
    let net = recipe.net.as_ref()?;
    Some(recipe.epochs.unwrap_or_else(|| net.schedule.epochs_of(clips)))
}
