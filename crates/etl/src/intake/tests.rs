use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::testing::{Faults, World, config};
use crate::{Address, BatchConfig};

const DEADLINE: Duration = Duration::from_secs(60);

fn lines(rows: usize) -> String {
    (0..rows).map(|row| format!("t,{row},1.5\n")).collect()
}

/// The batch of the small ones would stay open for an hour.
#[tokio::test]
async fn an_upload_larger_than_the_budget_does_not_wait_for_a_batch_to_grow_old() {
    let world = World::new();
    world.upload("U1", "a", "/1", &lines(1));
    world.upload("U2", "a", "/2", &lines(40_000));
    world.upload("U3", "a", "/3", &lines(2));
    let mut config = config();
    config.batch = BatchConfig { max_age: Duration::from_hours(1), max_bytes: ByteSize::kib(64), ..config.batch };
    let seams = world.seams(&Arc::new(Faults::none())).await;
    let run = crate::run_with(config, seams, Until::Empty, CancellationToken::new());
    tokio::time::timeout(DEADLINE, run).await.expect("it gets there in time").unwrap();
    assert_eq!(world.rows("t").await.len(), 40_003);
}

#[test]
fn a_file_too_long_to_be_read_whole_counts_as_one_piece() {
    let check = |bytes, file_bytes_max, expected| {
        let at = Address { bucket: "b".into(), key: "k".into() };
        let object = Created { at, bytes, created_at: crate::testing::now() };
        assert_eq!(bytes_at_once(&object, file_bytes_max), expected, "{bytes:?}");
    };
    let whole_max = 4 * PIECE_BYTES;
    check(None, whole_max, UPLOAD_BYTES_MIN);
    check(Some(10), whole_max, UPLOAD_BYTES_MIN);
    check(Some(whole_max), whole_max, whole_max);
    check(Some(whole_max + 1), whole_max, PIECE_BYTES);
    check(Some(10_000), 5000, 10_000);
}
