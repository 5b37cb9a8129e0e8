//! What a fitted model costs, to stand beside what it is worth.
//!
//! Deliberately absent: measuring (`workbench::cost`) and the time of fitting, which a run keeps by itself.

use serde::{Deserialize, Serialize};

/// The cost of scoring clips with a fitted model. `None` = not counted, or not measured.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Trained parameters.
    pub parameters: usize,
    /// Multiply-adds for 3 s of speech; only nets count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub macs_3s: Option<u64>,
    /// Size of its `weights.safetensors`.
    pub bytes: u64,
    /// Median milliseconds to score one clip by itself (batch 1), features excluded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_ms: Option<f64>,
    /// Seconds of computing per second of sound, features included: from decoded sound to scores, one clip at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub real_time: Option<f64>,
}

impl Cost {
    /// Megabytes (10^6 bytes).
    pub fn megabytes(&self) -> f64 {
        self.bytes as f64 / 1e6
    }

    /// True when every number is one.
    pub fn is_finite(&self) -> bool {
        [self.clip_ms, self.real_time].into_iter().flatten().all(f64::is_finite)
    }
}
