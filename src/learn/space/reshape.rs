//! Nets made wider or deeper, on the TOML of their layers.
//!
//! Deliberately absent: whether the result fits its input; the net says so when it is built.

use toml::{Table, Value};

/// Settings that say how many numbers a layer makes or remembers.
const WIDTHS: [&str; 3] = ["channels", "outputs", "hidden"];
/// Widths are whole groups of so many: the engine's wide registers are then full.
const STEP: f64 = 8.0;
/// What goes with a convolution or a linear layer in a block.
const WITH: [&str; 5] = ["batch_norm", "relu", "silu", "squeeze", "dropout"];

/// Multiplies all widths, to the next multiple of eight and at least that.
pub(super) fn widen(table: &mut Table, factor: f64) {
    let Some(Value::Array(layers)) = table.get_mut("layer").filter(|_| factor != 1.0) else { return };
    for layer in layers.iter_mut().filter_map(Value::as_table_mut) {
        for name in WIDTHS {
            if let Some(Value::Integer(width)) = layer.get_mut(name) {
                *width = ((*width as f64 * factor / STEP).round().max(1.0) * STEP) as i64;
            }
        }
    }
}

/// Repeats the last block so many times, each without stride; below 0 takes blocks away from the end, but never the
/// first. A block is a convolution (in a net without any, a linear layer) with the normalisation, activation and dropout
/// behind it.
pub(super) fn deepen(table: &mut Table, blocks: i64) {
    let Some(Value::Array(layers)) = table.get_mut("layer") else { return };
    for _ in 0..blocks.unsigned_abs() {
        let heads = heads(layers);
        let Some(&start) = heads.last() else { return };
        let end = layers[start + 1..].iter().take_while(|layer| WITH.contains(&kind(layer))).count() + start + 1;
        if blocks > 0 {
            let mut block = layers[start..end].to_vec();
            block[0].as_table_mut().and_then(|head| head.remove("stride"));
            layers.splice(end..end, block);
        } else if heads.len() > 1 {
            layers.drain(start..end);
        }
    }
}

/// Where blocks begin.
fn heads(layers: &[Value]) -> Vec<usize> {
    let of = |kinds: &[&str]| (0..layers.len()).filter(|&at| kinds.contains(&kind(&layers[at]))).collect::<Vec<_>>();
    let convolutions = of(&["conv", "conv1d"]);
    if convolutions.is_empty() { of(&["linear"]) } else { convolutions }
}

fn kind(layer: &Value) -> &str {
    layer.get("kind").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn net() -> Table {
        let kinds = ["conv", "batch_norm", "relu", "max_pool", "conv", "relu", "mean_pool", "dropout"];
        let layers = kinds.map(|kind| match kind {
            "conv" => "[[layer]]\nkind = \"conv\"\nchannels = 16\nstride = [2, 2]\n".to_owned(),
            kind => format!("[[layer]]\nkind = \"{kind}\"\n"),
        });
        layers.concat().parse().unwrap()
    }

    fn layers(table: &Table) -> &Vec<Value> {
        table["layer"].as_array().unwrap()
    }

    fn kinds(table: &Table) -> Vec<String> {
        layers(table).iter().map(|layer| kind(layer).to_owned()).collect()
    }

    #[test]
    fn the_last_block_is_repeated_without_its_stride() {
        let mut deeper = net();
        deepen(&mut deeper, 1);
        assert_eq!(layers(&deeper)[6].get("stride"), None);
        assert!(layers(&deeper)[4].get("stride").is_some());
        let all = ["conv", "batch_norm", "relu", "max_pool", "conv", "relu", "conv", "relu", "mean_pool", "dropout"];
        assert_eq!(kinds(&deeper), all);
    }

    #[test]
    fn blocks_are_taken_away_down_to_one() {
        for taken in [-1, -4] {
            let mut flatter = net();
            deepen(&mut flatter, taken);
            assert_eq!(kinds(&flatter), ["conv", "batch_norm", "relu", "max_pool", "mean_pool", "dropout"]);
        }
    }

    #[test]
    fn widths_are_multiples_of_eight() {
        for (factor, width) in [(0.1, 8), (0.5, 8), (1.0, 16), (1.5, 24), (2.0, 32)] {
            let mut table = net();
            widen(&mut table, factor);
            assert_eq!(layers(&table)[0].get("channels"), Some(&Value::Integer(width)));
        }
    }
}
