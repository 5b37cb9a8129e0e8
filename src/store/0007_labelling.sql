-- Schemes of several questions, how a clip was heard, and what a lead plans for raters.

-- Which question of the scheme was answered; NULL: the only one.
ALTER TABLE annotation ADD COLUMN question TEXT;

-- What it was said for; NULL: the work itself.
ALTER TABLE annotation ADD COLUMN occasion TEXT CHECK (occasion IN ('repeat', 'training', 'adjudication'));

-- Plays, share heard, sink, gain, picture, seconds (JSON); NULL: nobody listened here.
ALTER TABLE annotation ADD COLUMN listening TEXT;

-- What may be answered in that version (JSON): the same version of a scheme never means something else.
ALTER TABLE scheme ADD COLUMN shape TEXT;

-- Who rates what, how often and how it is watched (JSON). The newest of a corpus and scheme holds; older ones stay.
CREATE TABLE round (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    corpus_id INTEGER NOT NULL REFERENCES corpus (id),
    scheme    TEXT NOT NULL,
    lead      TEXT NOT NULL,
    at        TEXT NOT NULL,
    plan      TEXT NOT NULL
) STRICT;

-- Clips proposed to be labelled next, by which method (JSON: clips in order).
CREATE TABLE batch (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    corpus_id INTEGER NOT NULL REFERENCES corpus (id),
    scheme    TEXT NOT NULL,
    method    TEXT NOT NULL,
    at        TEXT NOT NULL,
    facts     TEXT NOT NULL
) STRICT;

-- Parts of long recordings that are clips of their own. Rows are events: `cut` makes one, `uncut` takes it away again.
CREATE TABLE segment (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    corpus_id    INTEGER NOT NULL REFERENCES corpus (id),
    file         TEXT NOT NULL,
    start_ms     INTEGER NOT NULL CHECK (start_ms >= 0),
    end_ms       INTEGER NOT NULL CHECK (end_ms > start_ms),
    act          TEXT NOT NULL CHECK (act IN ('cut', 'uncut')),
    annotator_id INTEGER NOT NULL REFERENCES annotator (id),
    at           TEXT NOT NULL
) STRICT;

CREATE INDEX segment_of_corpus ON segment (corpus_id, file, id);
