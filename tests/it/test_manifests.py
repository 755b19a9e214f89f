"""A table that has had very many commits is read as fast as another: its manifests are merged, and both readers find the same rows."""

import io

from pyiceberg.table import StaticTable

import devices
from logger import table_of, toa5
from node import until
from tables import UPLOADS

# Manifests are merged every hundred commits: twice here, each time with what was merged before.
COMMITS = 210
MANIFESTS_MAX = 110


def test_manifests_are_merged_and_every_row_is_there_once(start, reader):
    node = start(settings={"INLET_ETL__BATCH__MAX_AGE": "5ms"})
    account = node.add_account("station-7")

    def snapshots() -> int:
        table = node.tables().get(table_of("Alpha"))
        snapshot = table and StaticTable.from_metadata(table["metadata_location"]).current_snapshot()
        return snapshot.sequence_number if snapshot else 0

    sent = 0
    with devices.login(node, account) as ftp:
        # Uploads that come together share a commit.
        while snapshots() < COMMITS:
            for _ in range(10):
                ftp.storbinary(f"STOR {sent}.dat", io.BytesIO(toa5("north", range(sent, sent + 1), "Alpha")))
                sent += 1
    until("all uploads to be worked off", lambda: node.tables()[UPLOADS]["rows"] == sent)

    for name in [table_of("Alpha"), UPLOADS]:
        table = StaticTable.from_metadata(node.tables()[name]["metadata_location"])
        manifests = table.current_snapshot().manifests(table.io)
        assert len(manifests) < MANIFESTS_MAX, name
        files = [task.file.file_path for task in table.scan().plan_files()]
        assert len(files) == len(set(files)) == sum(manifest.added_files_count + manifest.existing_files_count for manifest in manifests)
    rows = reader.rows(node.tables()[table_of("Alpha")])
    assert sorted(rows["record"].to_pylist()) == list(range(sent))
