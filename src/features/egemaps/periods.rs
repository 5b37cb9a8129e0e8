pub struct Periods {
    pub jitter: Vec<f32>,
    pub shimmer_db: Vec<f32>,
}
pub fn periods(_s: &[f32], _rate: u32, hz: &[f32]) -> Periods {
    Periods { jitter: vec![0.0; hz.len()], shimmer_db: vec![0.0; hz.len()] }
}
