//! The recipes of a search, numbered: first those of the registry as they are, then random points of the space.
//!
//! The same seed gives the same candidates in the same order, however many are asked for, on every outer fold.
//! Deliberately absent: data.

use anyhow::{Context, Result, bail};
use rand::SeedableRng;
use rand_pcg::Pcg64;

use super::super::experiment::Request;
use super::super::material::{classifiers, set_for};
use super::halving::epochs;
use crate::features::Chosen;
use crate::learn::cnn::Settings;
use crate::learn::space::{Point, Space};
use crate::learn::{Classifier, Recipe, classifier};

/// So many points in a row that are no new candidate: the space is used up.
const MISSES: usize = 200;

/// A recipe that takes part.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Candidate {
    /// What it changes in the recipe of the registry; empty for that recipe itself.
    pub changes: Point,
    /// All of it.
    pub recipe: Recipe,
}

/// Candidates as far as they were asked for.
pub struct Candidates<'a> {
    request: &'a Request,
    space: Space,
    random: Pcg64,
    all: Vec<Candidate>,
}

impl Candidate {
    /// The recipe with its epochs divided.
    pub fn shortened(&self, shorten: usize) -> Recipe {
        let mut recipe = self.recipe.clone();
        if let Some(net) = &mut recipe.net {
            net.schedule.epochs = epochs(net.schedule.epochs, shorten);
        }
        recipe
    }

    /// Epochs of the recipe divided; `None` where it has none.
    pub fn epochs(&self, shorten: usize) -> Option<usize> {
        self.recipe.net.as_ref().map(|net| epochs(net.schedule.epochs, shorten))
    }

    /// What it changes, in a line.
    pub fn text(&self) -> String {
        if self.changes.0.is_empty() { "as in the registry".to_owned() } else { self.changes.text() }
    }
}

impl<'a> Candidates<'a> {
    /// Of this space; the classifiers are those that it names, or those of the request.
    ///
    /// # Errors
    /// Unknown names; a space that does not fit the nets.
    pub fn new(request: &'a Request, space: &Space) -> Result<Candidates<'a>> {
        let named: Vec<String> = space.words("model").into_iter().map(str::to_owned).collect();
        let kinds = classifiers(if named.is_empty() { &request.models } else { &named })?;
        for features in space.words("features") {
            crate::features::feature_set(features)?;
        }
        let nets = kinds.iter().filter_map(|kind| net(request, *kind).transpose()).collect::<Result<Vec<_>>>()?;
        space.check(&nets)?;
        let names = kinds.iter().map(|kind| toml::Value::String(kind.name().to_owned())).collect();
        let mut candidates = Candidates {
            request,
            space: space.clone().with("model", names),
            random: Pcg64::seed_from_u64(request.seed),
            all: Vec::new(),
        };
        for kind in kinds {
            let point =
                Point([("model".to_owned(), toml::Value::String(kind.name().to_owned()))].into_iter().collect());
            let recipe = candidates.recipe(&point)?;
            candidates.all.push(Candidate { changes: Point::default(), recipe });
        }
        Ok(candidates)
    }

    /// Names of the classifiers.
    pub fn names(&self) -> Vec<&str> {
        self.space.words("model")
    }

    /// Every feature set that a candidate may read.
    ///
    /// # Errors
    /// An unknown name.
    pub fn sets(&self) -> Result<Vec<Chosen>> {
        let varied = self.space.words("features").into_iter().map(Some);
        let mut sets: Vec<Chosen> = Vec::new();
        // The registry's recipes come first: they read what the request says.
        for asked in std::iter::once(self.request.features.as_deref()).chain(varied) {
            for kind in self.names().into_iter().filter_map(classifier) {
                let set = set_for(kind.kind(), asked)?;
                if sets.iter().all(|other| other.name() != set.name()) {
                    sets.push(set);
                }
            }
        }
        Ok(sets)
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
            let changes = self.space.draw(&mut self.random);
            match self.recipe(&changes) {
                Ok(recipe) if self.all.iter().all(|other| other.recipe != recipe) => {
                    return Ok(Some(Candidate { changes, recipe }));
                }
                Ok(_) => refused = None,
                Err(why) => refused = Some(why),
            }
        }
        refused.map_or(Ok(None), |why| Err(why).context("no point of the space makes a net"))
    }

    fn recipe(&self, point: &Point) -> Result<Recipe> {
        let name = point.word("model").unwrap_or_default();
        let Some(kind) = classifier(name) else { bail!("no classifier `{name}`") };
        let set = set_for(kind.kind(), point.word("features").or(self.request.features.as_deref()))?;
        let norm = point.word("norm").map_or(Ok(self.request.norm), str::parse).map_err(anyhow::Error::msg)?;
        let net = net(self.request, kind)?.map(|net| point.apply(&net)).transpose()?;
        let (classifier, features) = (name.to_owned(), set.name().to_owned());
        Ok(Recipe { classifier, features, norm, seed: self.request.seed, net, ..Recipe::default() })
    }
}

/// The net that a search starts from, with the epochs that were asked for.
fn net(request: &Request, kind: &dyn Classifier) -> Result<Option<Settings>> {
    let asked = request.nets.get(kind.name()).cloned().map(Ok);
    let mut net = asked.or_else(|| kind.settings()).transpose()?;
    if let (Some(net), Some(epochs)) = (&mut net, request.epochs) {
        net.schedule.epochs = epochs;
    }
    Ok(net)
}
