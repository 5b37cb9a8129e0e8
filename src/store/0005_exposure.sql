-- Whether a model's view of the clip was seen before or after an annotation was made; NULL: no model was asked.

ALTER TABLE annotation ADD COLUMN exposure TEXT CHECK (exposure LIKE 'before:_%' OR exposure LIKE 'after:_%');
