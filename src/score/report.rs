//! The classification report in scikit-learn's layout, two digits.
//!
//! Byte-equal to `sklearn.metrics.classification_report(digits=2)` as long as every number is defined. An undefined
//! number is a dash here and a 0.00 there. Deliberately absent: colours and terminal widths.

use std::fmt::Write;

use super::confusion::{Confusion, PerClass};
use super::metric::metric;

const COLUMNS: [&str; 3] = ["precision", "recall", "f1-score"];

/// The report over `names`, in that order; a class without a name is called by its number.
///
/// Averages are over the classes that occur in the truth: "macro avg" recall is the UAR. An average of which one
/// member is undefined is undefined.
#[must_use]
pub fn report(confusion: &Confusion, names: &[String]) -> String {
    let names: Vec<String> =
        (0..confusion.classes()).map(|class| names.get(class).cloned().unwrap_or_else(|| class.to_string())).collect();
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let width = longest.max("weighted avg".len());
    let classes = confusion.per_class();

    let mut text = format!("{:>width$} ", "");
    for column in COLUMNS.iter().chain(&["support"]) {
        let _ = write!(text, " {column:>9}");
    }
    text.push_str("\n\n");
    for (name, class) in names.iter().zip(&classes) {
        line(&mut text, &format!("{name:>width$}"), numbers(class), class.support);
    }
    text.push('\n');
    let accuracy = cell(metric("wa").and_then(|wa| (wa.of)(confusion)));
    let total = confusion.total();
    let _ = writeln!(text, "{:>width$}  {:>9} {:>9} {accuracy:>9} {total:>9}", "accuracy", "", "");
    let present: Vec<&PerClass> = classes.iter().filter(|class| class.support > 0).collect();
    line(&mut text, &format!("{:>width$}", "macro avg"), average(&present, |_| 1), total);
    line(&mut text, &format!("{:>width$}", "weighted avg"), average(&present, |class| class.support), total);
    text
}

fn numbers(class: &PerClass) -> [Option<f64>; 3] {
    [class.precision, class.recall, class.f1]
}

fn line(text: &mut String, name: &str, numbers: [Option<f64>; 3], support: u64) {
    text.push_str(name);
    text.push(' ');
    for number in numbers {
        let _ = write!(text, " {:>9}", cell(number));
    }
    let _ = writeln!(text, " {support:>9}");
}

fn cell(number: Option<f64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| format!("{number:.2}"))
}

fn average(classes: &[&PerClass], weight: impl Fn(&PerClass) -> u64) -> [Option<f64>; 3] {
    let whole: u64 = classes.iter().map(|class| weight(class)).sum();
    std::array::from_fn(|column| {
        let sum = classes
            .iter()
            .map(|class| numbers(class)[column].map(|number| number * weight(class) as f64))
            .sum::<Option<f64>>();
        sum.filter(|_| whole > 0).map(|sum| sum / whole as f64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undefined_numbers_are_dashes() {
        let all = Confusion::of(&[0, 0, 1], &[0, 0, 0], 3).unwrap();
        let names = ["anger", "fear", "joy"].map(String::from);
        assert_eq!(
            report(&all, &names),
            "              precision    recall  f1-score   support

       anger       0.67      1.00      0.80         2
        fear          -      0.00      0.00         1
         joy          -         -         -         0

    accuracy                           0.67         3
   macro avg          -      0.50      0.40         3
weighted avg          -      0.67      0.53         3
"
        );
    }

    #[test]
    fn an_empty_matrix_still_has_a_report() {
        let text = report(&Confusion::new(2), &[]);
        assert!(text.contains("           1          -         -         -         0\n"), "{text}");
        assert!(!text.contains("NaN"), "{text}");
    }
}
