-- What scoring with the model of the run's last fold costs (JSON); NULL where it was not measured.

ALTER TABLE run ADD COLUMN cost TEXT;
