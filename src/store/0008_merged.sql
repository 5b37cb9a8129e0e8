-- Annotations that came from another store: their numbers say when they came, not when they were said. `moment` is the time, in
-- milliseconds since 1970, at which they stand in what their annotator said.

CREATE TABLE merged (
    annotation_id INTEGER PRIMARY KEY REFERENCES annotation (id),
    moment        INTEGER NOT NULL
) STRICT;
