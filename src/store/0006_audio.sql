-- What the clip sounded like: the first digits of its audio's hash, so that a run can say which recordings have changed.

ALTER TABLE prediction ADD COLUMN audio TEXT NOT NULL DEFAULT '';
