-- Who said what about which clip. Rows of `annotation` are events: added, never changed, never removed.

CREATE TABLE corpus (
    id   INTEGER PRIMARY KEY,
    key  TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    root TEXT NOT NULL
) STRICT;

CREATE TABLE clip (
    id        INTEGER PRIMARY KEY,
    corpus_id INTEGER NOT NULL REFERENCES corpus (id),
    name      TEXT NOT NULL,
    UNIQUE (corpus_id, name)
) STRICT;

CREATE TABLE annotator (
    id   INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('human', 'machine')),
    name TEXT NOT NULL CHECK (name <> ''),
    UNIQUE (kind, name)
) STRICT;

CREATE TABLE scheme (
    id      INTEGER PRIMARY KEY,
    name    TEXT NOT NULL CHECK (name <> ''),
    version INTEGER NOT NULL,
    UNIQUE (name, version)
) STRICT;

CREATE TABLE annotation (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    corpus_id    INTEGER NOT NULL REFERENCES corpus (id),
    clip_id      INTEGER NOT NULL REFERENCES clip (id),
    audio        TEXT NOT NULL,
    annotator_id INTEGER NOT NULL REFERENCES annotator (id),
    scheme_id    INTEGER NOT NULL REFERENCES scheme (id),
    act          TEXT NOT NULL CHECK (act IN ('label', 'skip', 'flag', 'unflag', 'note', 'undo', 'redo')),
    value        TEXT,
    refers_to    INTEGER REFERENCES annotation (id),
    confidence   REAL CHECK (confidence BETWEEN 0 AND 1),
    at           TEXT NOT NULL,
    CHECK ((act IN ('undo', 'redo')) = (refers_to IS NOT NULL)),
    CHECK ((act IN ('label', 'note')) = (value IS NOT NULL))
) STRICT;

CREATE INDEX annotation_of_annotator ON annotation (corpus_id, annotator_id, id);

CREATE TRIGGER annotation_never_changes BEFORE UPDATE ON annotation
BEGIN SELECT RAISE(ABORT, 'annotations are never changed'); END;

CREATE TRIGGER annotation_never_goes BEFORE DELETE ON annotation
BEGIN SELECT RAISE(ABORT, 'annotations are never removed'); END;
