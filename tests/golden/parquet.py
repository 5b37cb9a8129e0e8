"""Reads tests/golden/small.parquet (written by `EMOLAB_GOLDEN=1 cargo test --lib parquet`) with pyarrow, which is the
judge of whether `features::parquet` writes Apache Parquet. Run it when the file changes."""

from pathlib import Path

import pyarrow.parquet as pq

path = Path(__file__).with_name("small.parquet")
table = pq.read_table(path)
assert table.num_rows == 20 and table.num_columns == 17, table.shape
rows = table.to_pylist()
for row, have in enumerate(rows):
    assert have["file"] == f"Ä{row}.wav", have
    assert have["label"] == ("anger" if row % 3 != 1 else None), have
    assert have["frame"] == row - 5, have
    for column in range(14):
        assert have[f"n{column}"] == (row * 14 + column) * 0.5 - 60.0, have
print(path.name, "ok:", table.schema.field("file").type, table.schema.field("frame").type, table.schema.field("n0").type)
