pub struct Harmonics {
    pub hnr_db: Vec<f32>,
    pub h1_h2: Vec<f32>,
    pub h1_a3: Vec<f32>,
    pub amplitude: [Vec<f32>; 3],
}
pub fn harmonics(_s: &[f32], _rate: u32, hz: &[f32], _f: &[Vec<f32>; 3]) -> Harmonics {
    let z = || vec![0.0; hz.len()];
    Harmonics { hnr_db: z(), h1_h2: z(), h1_a3: z(), amplitude: [z(), z(), z()] }
}
