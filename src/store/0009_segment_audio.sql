-- The sound (hash) of the whole recording when a part of it was cut out; NULL: not known. Another sound under the same name shows.
ALTER TABLE segment ADD COLUMN audio TEXT;
