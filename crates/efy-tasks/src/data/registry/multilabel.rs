//! The multilabel benchmark sets: ARFF files and an XML file that lists the labels.

use super::{KnownFile, KnownSet, file};
use crate::data::Targets;

/// A commit of github.com/tsoumakas/mulan.
const MULAN: &str = "https://raw.githubusercontent.com/tsoumakas/mulan/\
                      43f6389095ad71984264db4387a8074b22bc7d4a/data/multi-label";

/// A commit of github.com/YoungHJung/OnlineMLRBoostingWithVFDT.
const JUNG: &str = "https://raw.githubusercontent.com/YoungHJung/OnlineMLRBoostingWithVFDT/\
                    83eab85bfe99a8486ea3e6470dd5a679786b08c6/data";

/// The known multilabel sets. Counts and checksums were taken from the files themselves.
pub(super) static MULTILABEL: &[KnownSet] = &[
    KnownSet {
        name: "emotions",
        about: "songs, and the emotions they evoke",
        rows: 593,
        features: 72,
        labels: 6,
        train: 391,
        targets: Targets::Sets,
        train_file: Some(file(
            "emotions-train.arff",
            "bbe704106c79bb8fb99c1d1d2e9bde081d6a2daeb01f100862f11fd91a3c1f98",
        )),
        test_file: Some(file(
            "emotions-test.arff",
            "f13d4b746b7b5c8eb484bd751d6ac463d4560dff998a93516a5c1fe35daf6c8f",
        )),
        labels_file: Some(file(
            "emotions.xml",
            "dbce8e6ccbbb2fcbfd9e9edbb230d7ed12692c6e13f59fdbc0161fa9b6cf2dc0",
        )),
        paper: "K. Trohidis, G. Tsoumakas, G. Kalliris, I. Vlahavas: Multilabel Classification of \
                Music into Emotions. ISMIR 2008, pp. 325-330",
        origin: MULAN,
        embedded: false,
    },
    KnownSet {
        name: "scene",
        about: "photographs, and what they show",
        rows: 2407,
        features: 294,
        labels: 6,
        train: 1211,
        targets: Targets::Sets,
        train_file: Some(file(
            "scene-train.arff",
            "b53ba93bdf412de922e3960389bcee24744fa3e872ce610511fc1d750888b64d",
        )),
        test_file: Some(file(
            "scene-test.arff",
            "ea38d20296b3ff7e220f477a3b802a9bcb2d768881fe6ee163efbc97ea527a42",
        )),
        labels_file: Some(file(
            "scene.xml",
            "55d8b247b949ad5c52e5a73d8c6775ec6e5469ce9682465b45b333b68ee4bcc5",
        )),
        paper: "M. R. Boutell, J. Luo, X. Shen, C. M. Brown: Learning multi-label scene \
                classification. Pattern Recognition 37(9), 2004, pp. 1757-1771",
        origin: MULAN,
        embedded: false,
    },
    KnownSet {
        name: "yeast",
        about: "genes, and the functional classes of their proteins",
        rows: 2417,
        features: 103,
        labels: 14,
        train: 1500,
        targets: Targets::Sets,
        train_file: Some(file(
            "yeast-train.arff",
            "e759dc991ff54694a4ff9c4314f3be0d6fd2b1994a4b563f57e416394c6aebbd",
        )),
        test_file: Some(file(
            "yeast-test.arff",
            "4aaac102bff9669a765bf0b378602e5cc8c3b181048282e2f003117b496d552a",
        )),
        labels_file: Some(file(
            "yeast.xml",
            "c3056cc26444b5158b1588d1b73bec9c45429e10f0957ad085903423cb81f247",
        )),
        paper: "A. Elisseeff, J. Weston: A kernel method for multi-labelled classification. NIPS \
                2001, pp. 681-687",
        origin: MULAN,
        embedded: true,
    },
    KnownSet {
        name: "birds",
        about: "ten-second sound recordings, and the birds heard in them",
        rows: 645,
        features: 260,
        labels: 19,
        train: 322,
        targets: Targets::Sets,
        train_file: Some(file(
            "birds-train.arff",
            "8f215db6ee163149901e753977f631ba8bea0e0e8e1abc42b234414822f8ae36",
        )),
        test_file: Some(file(
            "birds-test.arff",
            "51ba6326d65ccdd7c755b6461280eb6d2769c7f59d8e12fd4250f91e6ca28326",
        )),
        labels_file: Some(file(
            "birds.xml",
            "0f4ea547b2b3d538c8402662daf689e0d4520cc8b4f5ba113c2e7c01700f010f",
        )),
        paper: "F. Briggs et al.: The 9th annual MLSP competition: New methods for acoustic \
                classification of multiple simultaneous bird species in a noisy environment. IEEE \
                MLSP 2013",
        origin: MULAN,
        embedded: false,
    },
    KnownSet {
        name: "cal500",
        about: "songs, and the words listeners describe them with",
        rows: 502,
        features: 68,
        labels: 174,
        train: 502,
        targets: Targets::Sets,
        train_file: Some(file(
            "cal500.arff",
            "cfe6097ba5fd6e8584e54911ab9783dcab34e898446b7c9370c71d477eae56d3",
        )),
        test_file: None,
        labels_file: Some(file(
            "cal500.xml",
            "877e128531268d7661faa3e44f7bb43cbcda829c0895e49879168775b192728c",
        )),
        paper: "D. Turnbull, L. Barrington, D. Torres, G. Lanckriet: Semantic Annotation and \
                Retrieval of Music and Sound Effects. IEEE TASLP 16(2), 2008, pp. 467-476",
        origin: MULAN,
        embedded: false,
    },
    KnownSet {
        name: "mediamill_reduced",
        about: "video shots, and the concepts seen in them: 2000 of the 43907 of mediamill",
        rows: 2000,
        features: 120,
        labels: 101,
        train: 1500,
        targets: Targets::Sets,
        train_file: Some(file(
            "mediamill-train.arff",
            "f4a562d2b78f5daedeafabc0747542ed2e4d5fd0bb20d348c53d63cc3a0b1e7c",
        )),
        test_file: Some(file(
            "mediamill-test.arff",
            "7594040bfe35e09f674d1c15727d978f310c1106de49ea448764e4627b8b424d",
        )),
        labels_file: Some(KnownFile {
            folder: Some("mediamill"),
            ..file(
                "mediamill.xml",
                "398a38599da3f390f4247e08c81c283817875d06a8278b10db3b514855e837dd",
            )
        }),
        paper: "C. G. M. Snoek et al.: The challenge problem for automated detection of 101 semantic \
                concepts in multimedia. ACM Multimedia 2006, pp. 421-430",
        origin: JUNG,
        embedded: false,
    },
    KnownSet {
        name: "bibtex",
        about: "BibTeX entries, and the tags users gave them",
        rows: 7395,
        features: 1836,
        labels: 159,
        train: 4880,
        targets: Targets::Sets,
        train_file: Some(file(
            "bibtex-train.arff",
            "8dcc9de6e0b2cebaec8c1f4fac78431adeeb73cfd3ab879b530a66d366e59174",
        )),
        test_file: Some(file(
            "bibtex-test.arff",
            "9b03329cde64d3f994bdf7fbbac3f3b10fe185c311cb9ae725475f59c7f3f922",
        )),
        labels_file: Some(file(
            "bibtex.xml",
            "08fe20013c1e75dcf1888c185f5187c95e76495b8518ce289b4d3afce38d1232",
        )),
        paper: "I. Katakis, G. Tsoumakas, I. Vlahavas: Multilabel Text Classification for \
                Automated Tag Suggestion. ECML/PKDD 2008 Discovery Challenge",
        origin: MULAN,
        embedded: false,
    },
    KnownSet {
        name: "delicious",
        about: "web pages, and the tags users gave them",
        rows: 16_105,
        features: 500,
        labels: 983,
        train: 12_920,
        targets: Targets::Sets,
        train_file: Some(file(
            "delicious-train.arff",
            "030186cdb542ebdd32052fcdbb1ebe30115b3a22518c1b4b198c45eb827aebe1",
        )),
        test_file: Some(file(
            "delicious-test.arff",
            "2dfb01723a819914b0ca83361177ed413ce3f2169851d9f228d4692915d63944",
        )),
        labels_file: Some(file(
            "delicious.xml",
            "4e0c0f93c7d86a39b9fca4aaefaa00e9428f2c80277732dfbf03ca48e2c14da2",
        )),
        paper: "G. Tsoumakas, I. Katakis, I. Vlahavas: Effective and Efficient Multilabel \
                Classification in Domains with Large Number of Labels. ECML/PKDD 2008 Workshop on \
                Mining Multidimensional Data",
        origin: MULAN,
        embedded: false,
    },
    KnownSet {
        name: "enron",
        about: "e-mails, and their topics",
        rows: 1702,
        features: 1001,
        labels: 53,
        train: 1123,
        targets: Targets::Sets,
        train_file: Some(file(
            "enron-train.arff",
            "2988cefc1cdf7a8004a20ef84615cc8fa1b5d7434c16687283b41454e2d9d194",
        )),
        test_file: Some(file(
            "enron-test.arff",
            "2f3aad54a8f54caaab4ab01246fe9dd385ba944a2633028f52747b57eac5474e",
        )),
        labels_file: Some(file(
            "enron.xml",
            "ed40c92d7f613eed51714912cab10dddc4ce456262137d8fef230d44c7f4457b",
        )),
        paper: "UC Berkeley Enron Email Analysis Project, \
                http://bailando.sims.berkeley.edu/enron_email.html; multilabel form by MEKA, \
                http://meka.sourceforge.net/#datasets",
        origin: MULAN,
        embedded: false,
    },
];
