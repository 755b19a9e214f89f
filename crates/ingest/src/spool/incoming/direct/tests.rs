use std::fs;

use rustix::fs::fcntl_getfl;

use super::*;

const STEP: usize = 4 * BLOCK_BYTES;

fn room(bytes: usize) -> BytesMut {
    let mut room = aligned_room(bytes);
    room.resize(bytes, b'x');
    room
}

fn is_direct(file: &File) -> bool {
    fcntl_getfl(file).unwrap().contains(OFlags::DIRECT)
}

#[test]
fn room_is_aligned_whatever_its_length() {
    for bytes in [1, 4095, 4096, 16 * 1024, 512 * 1024] {
        let room = room(bytes);
        assert_eq!((room.as_ptr().align_offset(BLOCK_BYTES), room.len()), (0, bytes));
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "who runs the tests should know what was not tested")]
fn whole_blocks_go_past_the_page_cache_and_the_rest_does_not() {
    let file = tempfile::tempfile().unwrap();
    if fcntl_setfl(&file, OFlags::DIRECT).and_then(|()| fcntl_setfl(&file, OFlags::empty())).is_err() {
        eprintln!("skipped: the file system of temporary files takes no O_DIRECT");
        return;
    }
    let (whole, odd) = (room(STEP), room(STEP + 1));
    let mut direct = Direct::default();
    assert_eq!(direct.write(&file, 0, &[IoSlice::new(&whole), IoSlice::new(&whole)]).unwrap(), 2 * STEP);
    assert!(is_direct(&file) && matches!(direct, Direct::On));
    let pieces = [&whole[..], &odd[..], &whole[..]].map(IoSlice::new);
    assert_eq!(direct.write(&file, 2 * STEP as u64, &pieces).unwrap(), STEP, "up to what is not made of blocks");
    assert!(!is_direct(&file), "what is left is for whoever writes without care for blocks");
    assert_eq!(direct.write(&file, 1, &[IoSlice::new(&whole)]).unwrap(), 0, "the position is none of a block");
    assert_eq!(direct.write(&file, 0, &[IoSlice::new(&odd[1..])]).unwrap(), 0, "the memory is not aligned");
    assert_eq!(direct.write(&file, 3 * STEP as u64, &[IoSlice::new(&whole)]).unwrap(), STEP, "blocks again");
    assert_eq!(file.metadata().unwrap().len(), 4 * STEP as u64);
}

#[test]
fn a_file_that_does_not_take_it_is_asked_once() {
    let mut direct = Direct::default();
    let null = fs::OpenOptions::new().write(true).open("/dev/null").unwrap();
    for file in [null, tempfile::tempfile().unwrap()] {
        assert_eq!(direct.write(&file, 0, &[IoSlice::new(&room(STEP))]).unwrap(), 0);
        assert!(matches!(direct, Direct::Refused) && !is_direct(&file));
    }
}
