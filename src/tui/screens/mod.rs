//! The screens, one file each; adding one is its `mod` line and its line in [`screens`].
//!
//! Deliberately absent: how screens follow one another (see `app.rs`).

mod adjudicate;
mod agree;
mod behind;
mod browse;
mod clip_view;
mod compare;
mod cut;
mod features;
mod label;
mod lens;
mod live;
mod opinion;
mod raters;
mod results;
mod run;
mod train;

use super::screen::Screen;

/// The screens that have a number key, in its order.
pub static TABS: &[&str] = &["browse", "label", "train", "results", "features", "agree"];

/// All screens, new.
pub fn screens() -> Vec<Box<dyn Screen>> {
    vec![
        Box::new(browse::Browse::default()),
        Box::new(label::Label::default()),
        Box::new(train::Train::default()),
        Box::new(results::Results::default()),
        Box::new(run::RunDetail::default()),
        Box::new(compare::Compare::default()),
        Box::new(features::FeatureColumns::default()),
        Box::new(agree::Agree::default()),
        Box::new(raters::Raters::default()),
        Box::new(adjudicate::Adjudicate::default()),
        Box::new(cut::Cut::default()),
    ]
}
