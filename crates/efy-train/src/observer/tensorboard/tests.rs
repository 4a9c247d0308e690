//! What is written is decoded again.

use std::collections::BTreeMap;

use super::*;

/// The contents of the whole records; all checksums have to be right.
fn records(mut bytes: &[u8]) -> Vec<Record> {
    let checksum = |bytes: &[u8], sum: &[u8]| {
        assert_eq!(record::checksum(bytes).to_le_bytes(), sum);
    };
    let mut found = Vec::new();
    while !bytes.is_empty() {
        checksum(&bytes[..8], &bytes[8..12]);
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let content = &bytes[12..12 + length];
        checksum(content, &bytes[12 + length..16 + length]);
        found.push(Record::decode(content).unwrap());
        bytes = &bytes[16 + length..];
    }
    found
}

fn read(board: &TensorBoard) -> Vec<Record> {
    records(&std::fs::read(board.path()).unwrap())
}

fn start(from: u64) -> (i64, What) {
    let status = Status::Start.into();
    (from as i64 + 1, What::SessionLog(SessionLog { status }))
}

#[test]
fn checksums_are_those_of_tensorflow() {
    // The check value in the catalogue of CRCs, and what TensorBoard's own masked_crc32c makes of it.
    assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
    assert_eq!(record::checksum(b"123456789"), 0xc78a_b0e5);
    assert_eq!(record::frame(b"abc").len(), 19);
}

#[test]
fn metrics_are_scalars_of_their_split() {
    let folder = tempfile::tempdir().unwrap();
    let before = since_1970();
    let mut board = TensorBoard::create(folder.path()).unwrap();
    let train = Metrics::from_iter([("loss", 0.1), ("unconverged", 0.0)]);
    let test = Metrics::from_iter([("kl", f64::NAN)]);
    for event in [
        Event::Started { steps: 50, from: 0 },
        Event::metrics(50, 2, Split::Train, &train),
        Event::Finished,
        Event::metrics(24, 2, Split::Test, &test),
    ] {
        board.on(&event).unwrap();
    }
    let records = read(&board);
    for record in &records {
        assert!(before <= record.wall_time && record.wall_time <= since_1970());
    }
    let scalar = |tag: &str, value: f32| Value {
        tag: tag.to_owned(),
        simple_value: Some(value),
    };
    // 0.1 is rounded once, from f64; a zero is there.
    let value = vec![scalar("train/loss", 0.1), scalar("train/unconverged", 0.0)];
    let expected = [
        (0, What::FileVersion("brain.Event:2".to_owned())),
        start(0),
        (50, What::Summary(Summary { value })),
    ];
    let found = |record: &Record| (record.step, record.what.clone().unwrap());
    assert_eq!(records[..3].iter().map(found).collect::<Vec<_>>(), expected);
    assert_eq!((records.len(), records[3].step), (4, 24));
    let Some(What::Summary(Summary { value })) = &records[3].what else {
        panic!("{:?}", records[3]);
    };
    assert_eq!(value[0].tag, "test/kl");
    assert!(value[0].simple_value.unwrap().is_nan());
}

#[test]
fn on_a_full_disk_scalars_are_lost_but_not_what_the_next_ones_need() {
    let folder = tempfile::tempdir().unwrap();
    let mut board = TensorBoard {
        file: RecordFile::create(Path::new("/dev/full")).unwrap(),
        head: Vec::new(),
    };
    board.write(0, What::FileVersion(FILE_VERSION.to_owned()));
    let metrics = Metrics::from_iter([("loss", 0.5)]);
    let at = |step| Event::metrics(step, 1, Split::Train, &metrics);
    for event in [Event::Started { steps: 9, from: 3 }, at(4), at(5)] {
        board.on(&event).unwrap();
    }
    assert_eq!(board.lost(), 4);
    assert!(board.warning().unwrap().contains("No space left"));
    // There is room again.
    board.file = RecordFile::create_new(&folder.path().join("events")).unwrap();
    board.on(&at(6)).unwrap();
    board.on(&at(7)).unwrap();
    let steps: Vec<i64> = read(&board).iter().map(|record| record.step).collect();
    assert_eq!(steps, [0, 4, 6, 7]);
}

#[test]
fn a_run_that_goes_on_begins_a_file_that_comes_after_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let names = || -> BTreeMap<PathBuf, u64> {
        let found = files(folder.path()).unwrap().into_iter();
        found.map(|(second, path)| (path, second)).collect()
    };
    // Left behind by a clock that was ahead.
    let ahead = folder.path().join("events.out.tfevents.4000000000.efy");
    std::fs::write(&ahead, "").unwrap();
    let foreign = folder.path().join("events.out.tfevents.1.host");
    std::fs::write(&foreign, "").unwrap();
    let mut boards: Vec<TensorBoard> = Vec::new();
    for from in [0, 30, 30] {
        let mut board = TensorBoard::resume(folder.path()).unwrap();
        let started = Event::Started { steps: 60, from };
        board.on(&started).unwrap();
        boards.push(board);
    }
    // By name as by number, and one after the other.
    assert!(names().values().is_sorted());
    let paths: Vec<&Path> = boards.iter().map(TensorBoard::path).collect();
    assert!(ahead.as_path() < paths[0] && paths.is_sorted());
    let last = read(&boards[2]);
    assert_eq!((last[1].step, last[1].what.clone()), {
        let (step, what) = start(30);
        (step, Some(what))
    });

    let board = TensorBoard::create(folder.path()).unwrap();
    assert_eq!(names().into_keys().collect::<Vec<_>>(), [board.path()]);
    assert!(foreign.exists(), "not ours");
}
