-- Finished runs of classifiers: how they were made (JSON, so that a protocol can grow) and every prediction.

CREATE TABLE run (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    corpus_id   INTEGER NOT NULL REFERENCES corpus (id),
    started_at  TEXT NOT NULL,
    classifier  TEXT NOT NULL,
    fit_seconds REAL NOT NULL,
    protocol    TEXT NOT NULL,
    recipe      TEXT NOT NULL
) STRICT;

CREATE INDEX run_of_corpus ON run (corpus_id, id);

-- `p`: one little-endian f32 per class.
CREATE TABLE prediction (
    run_id  INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    row     INTEGER NOT NULL,
    clip    TEXT NOT NULL,
    speaker TEXT NOT NULL,
    fold    INTEGER NOT NULL,
    truth   INTEGER NOT NULL,
    pred    INTEGER NOT NULL,
    p       BLOB NOT NULL,
    PRIMARY KEY (run_id, row)
) STRICT, WITHOUT ROWID;
