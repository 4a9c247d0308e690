//! Fetching from a folder and from a web server: verified, resumed, atomic.

use std::io::Write;
use std::path::PathBuf;

use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::http::{Reply, Server};
use super::*;
use crate::data::Targets;

const TRAIN: &[u8] = b"@attribute x real\n@attribute a {0,1}\n@data\n1,0\n2,1\n";
const LABELS: &[u8] = b"<labels><label name='a'/></labels>";
const TRAIN_PATH: &str = "/multilabel/tiny/tiny.arff";
const LABELS_PATH: &str = "/multilabel/tiny/tiny.xml";

fn hex(contents: &[u8]) -> &'static str {
    let hash = Sha256::digest(contents);
    hash.iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        .leak()
}

/// A set of two small files.
fn tiny() -> KnownSet {
    KnownSet {
        name: "tiny",
        about: "",
        rows: 2,
        features: 1,
        labels: 1,
        train: 2,
        targets: Targets::Sets,
        train_file: Some(KnownFile {
            name: "tiny.arff",
            folder: None,
            sha256: hex(TRAIN),
        }),
        test_file: None,
        labels_file: Some(KnownFile {
            name: "tiny.xml",
            folder: None,
            sha256: hex(LABELS),
        }),
        paper: "",
        origin: "",
        embedded: false,
    }
}

/// A cache in a folder of its own.
struct Place {
    /// Removed at the end of the test.
    _folder: TempDir,
    cache: Cache,
}

impl Place {
    fn new(mirror: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let cache = Cache::new(folder.path().join("cache"))
            .with_mirror(mirror)
            .unwrap();
        Self {
            _folder: folder,
            cache,
        }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.cache.folder("tiny").join(file)
    }

    /// Leaves the beginning of the training file, as an interrupted fetch does.
    fn leave_part(&self, contents: &[u8]) {
        fs::create_dir_all(self.cache.folder("tiny")).unwrap();
        fs::write(self.path("tiny.arff.part"), contents).unwrap();
    }

    fn fetch(&self) -> (Result<()>, Vec<String>) {
        let mut said = Vec::new();
        let result = fetch_set(&tiny(), &self.cache, &mut |line| said.push(line.to_owned()));
        (result, said)
    }

    fn assert_complete(&self) {
        assert_eq!(fs::read(self.path("tiny.arff")).unwrap(), TRAIN);
        assert_eq!(fs::read(self.path("tiny.xml")).unwrap(), LABELS);
        let mut names: Vec<_> = fs::read_dir(self.cache.folder("tiny"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, [".lock", "tiny.arff", "tiny.xml"]);
    }
}

fn gzip(contents: &[u8]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(contents).unwrap();
    gz.finish().unwrap()
}

fn server(train: Reply) -> Server {
    let labels = (LABELS_PATH.to_owned(), Reply::Ranges(LABELS.to_vec()));
    Server::start([(TRAIN_PATH.to_owned(), train), labels])
}

#[test]
fn a_folder_is_a_mirror_plain_or_gzipped() {
    let mirror = TempDir::new().unwrap();
    let folder = mirror.path().join("multilabel/tiny");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("tiny.arff.gz"), gzip(TRAIN)).unwrap();
    fs::write(folder.join("tiny.xml"), LABELS).unwrap();
    let address = format!("file://{}", mirror.path().display());
    let place = Place::new(&address);

    let (result, said) = place.fetch();
    result.unwrap();
    place.assert_complete();
    assert_eq!(
        said,
        [
            format!("tiny.arff: from {address}{TRAIN_PATH}.gz"),
            format!("tiny.arff: {} bytes, sha256 verified", TRAIN.len()),
            format!("tiny.xml: from {address}{LABELS_PATH}"),
            format!("tiny.xml: {} bytes, sha256 verified", LABELS.len()),
        ]
    );

    let (result, said) = place.fetch();
    result.unwrap();
    assert_eq!(
        said,
        ["tiny.arff: already there", "tiny.xml: already there"]
    );
}

#[test]
fn a_file_that_was_changed_in_the_cache_is_fetched_again() {
    let place = Place::new(&server(Reply::Whole(TRAIN.to_vec())).address);
    place.fetch().0.unwrap();
    fs::write(place.path("tiny.arff"), "changed").unwrap();
    let (result, said) = place.fetch();
    result.unwrap();
    assert!(
        said[0].ends_with("not the published contents; fetching it again"),
        "{said:?}"
    );
    place.assert_complete();
}

#[test]
fn a_missing_file_is_tried_gzipped() {
    let gz = (format!("{TRAIN_PATH}.gz"), Reply::Ranges(gzip(TRAIN)));
    let labels = (LABELS_PATH.to_owned(), Reply::Ranges(LABELS.to_vec()));
    let server = Server::start([gz, labels]);
    let place = Place::new(&server.address);
    place.fetch().0.unwrap();
    place.assert_complete();
    assert_eq!(
        server.log(),
        [TRAIN_PATH, &format!("{TRAIN_PATH}.gz"), LABELS_PATH]
    );
}

#[test]
fn an_interrupted_fetch_goes_on_where_it_stopped() {
    let server = server(Reply::Ranges(TRAIN.to_vec()));
    let place = Place::new(&server.address);
    place.leave_part(&TRAIN[..10]);
    let (result, said) = place.fetch();
    result.unwrap();
    place.assert_complete();
    assert_eq!(server.log()[0], format!("{TRAIN_PATH} from 10"));
    let from = &server.address;
    assert_eq!(
        said[0],
        format!("tiny.arff: going on at byte 10 from {from}{TRAIN_PATH}")
    );
}

#[test]
fn a_server_without_ranges_sends_the_file_from_the_start() {
    let server = server(Reply::Whole(TRAIN.to_vec()));
    let place = Place::new(&server.address);
    place.leave_part(&TRAIN[..10]);
    place.fetch().0.unwrap();
    place.assert_complete();
}

#[test]
fn a_part_longer_than_the_file_is_started_again() {
    let server = server(Reply::Ranges(TRAIN.to_vec()));
    let place = Place::new(&server.address);
    place.leave_part(&[b'x'; 1000]);
    place.fetch().0.unwrap();
    place.assert_complete();
    assert_eq!(
        server.log()[..2],
        [format!("{TRAIN_PATH} from 1000"), TRAIN_PATH.to_owned()]
    );
}

#[test]
fn a_complete_part_only_needs_its_name() {
    let server = server(Reply::Broken);
    let place = Place::new(&server.address);
    place.leave_part(TRAIN);
    place.fetch().0.unwrap();
    place.assert_complete();
    assert_eq!(server.log(), [LABELS_PATH]);
}

#[test]
fn a_cut_connection_keeps_the_part_and_says_so() {
    let address = server(Reply::Cut(TRAIN.to_vec(), 12)).address;
    let place = Place::new(&address);
    let error = place.fetch().0.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("{address}{TRAIN_PATH}: ")),
        "{error}"
    );
    assert!(
        error.to_string().ends_with("; fetch again to go on"),
        "{error}"
    );
    assert_eq!(error.exit_code(), 1);
    assert_eq!(
        fs::read(place.path("tiny.arff.part")).unwrap(),
        &TRAIN[..12]
    );
    assert!(!place.path("tiny.arff").exists());
}

#[test]
fn wrong_contents_are_deleted_and_both_checksums_told() {
    let place = Place::new(&server(Reply::Ranges(b"wrong".to_vec())).address);
    let error = place.fetch().0.unwrap_err();
    let target = place.path("tiny.arff");
    assert_eq!(
        error.to_string(),
        format!(
            "{}: wrong sha256, expected {}, found {}; the download was deleted",
            target.display(),
            hex(TRAIN),
            hex(b"wrong")
        )
    );
    assert_eq!(error.exit_code(), 1);
    assert!(!target.exists() && !place.path("tiny.arff.part").exists());
}

#[test]
fn a_file_the_mirror_lacks_names_the_addresses_tried() {
    let address = Server::start([]).address;
    let error = Place::new(&address).fetch().0.unwrap_err();
    let tried = format!("{address}{TRAIN_PATH} and {address}{TRAIN_PATH}.gz");
    assert_eq!(error.to_string(), format!("{tried}: not found"));
}

#[test]
fn a_server_error_is_not_taken_for_a_missing_file() {
    let address = server(Reply::Broken).address;
    let error = Place::new(&address).fetch().0.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{address}{TRAIN_PATH}: HTTP status 500")
    );
}

#[test]
fn an_unknown_name_is_answered_with_the_nearest() {
    let folder = TempDir::new().unwrap();
    let error = fetch("emotion", &Cache::new(folder.path()), &mut |_| {}).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown data set \"emotion\": did you mean \"emotions\"?"
    );
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn rankings_are_one_file_of_the_folder_of_rankings() {
    let mirror = TempDir::new().unwrap();
    let folder = mirror.path().join("label_ranking");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("tiny.csv"), TRAIN).unwrap();
    let place = Place::new(&format!("file://{}", mirror.path().display()));
    let set = KnownSet {
        targets: Targets::Rankings,
        train_file: Some(KnownFile {
            name: "tiny.csv",
            folder: None,
            sha256: hex(TRAIN),
        }),
        labels_file: None,
        origin: "https://nowhere.invalid/ranks",
        ..tiny()
    };
    fetch_set(&set, &place.cache, &mut |_| {}).unwrap();
    assert!(place.cache.has(&set));
    let file = set.train_file.unwrap();
    assert_eq!(set.address(file), "https://nowhere.invalid/ranks/tiny.csv");
    // A set that is in the program only has nothing to fetch, and is not fetched.
    let none = KnownSet {
        train_file: None,
        ..set
    };
    fetch_set(&none, &place.cache, &mut |_| {}).unwrap();
    assert!(!place.cache.has(&none));
}
