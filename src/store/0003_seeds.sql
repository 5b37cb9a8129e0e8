-- What the fit of each seed predicts by itself, where a run averages several: one little-endian u16 per seed.

ALTER TABLE prediction ADD COLUMN seeds BLOB NOT NULL DEFAULT x'';
