//! The label ranking benchmark sets: CSV files with a column of ranks for each label.

use super::{KnownSet, file};
use crate::data::Targets;

/// A commit of github.com/alfaro96/scikit-lr.
const SCIKIT_LR: &str = "https://raw.githubusercontent.com/alfaro96/scikit-lr/\
                          46702a8d7c48ca09987e912421458853e722b160/sklr/datasets/data/label_ranking/ranks";

/// How the names of the columns with ranks begin.
pub(in crate::data) const RANK_PREFIX: &str = "L";

/// What is known of the terms of the published files.
pub(super) const LICENCE: &str = "MIT, that of scikit-lr, which publishes the file; cite the paper";

/// What is known of the terms of the sets that are made for this program.
pub(super) const OWN_LICENCE: &str = "features from scikit-learn's copy (BSD-3-Clause; UCI repository, CC BY 4.0); \
                                      rankings computed from them";

/// Where all but two of these sets come from.
const CHENG: &str = "W. Cheng, J. Huehn, E. Huellermeier: Decision Tree and Instance-Based Learning for Label \
                     Ranking. ICML 2009, pp. 161-168";

/// Where the two sets of gene expression come from.
const GENES: &str = "E. Huellermeier, J. Fuernkranz, W. Cheng, K. Brinker: Label ranking by learning pairwise \
                     preferences. Artificial Intelligence 172(16-17), 2008, pp. 1897-1916";

const EMBEDDED: &str = "Rankings made with the recipe of W. Cheng, J. Huehn, E. Huellermeier, ICML 2009; not their \
                        file, see assets/label_ranking/README.md";

/// A published set of rankings; it has no test split.
const fn published(
    name: &'static str,
    about: &'static str,
    (rows, features, labels): (usize, usize, usize),
    (name_of_file, sha256): (&'static str, &'static str),
    paper: &'static str,
) -> KnownSet {
    KnownSet {
        name,
        about,
        rows,
        features,
        labels,
        train: rows,
        targets: Targets::Rankings,
        train_file: Some(file(name_of_file, sha256)),
        test_file: None,
        labels_file: None,
        paper,
        origin: SCIKIT_LR,
        embedded: false,
    }
}

/// A set of rankings that is part of the program.
const fn embedded(
    name: &'static str,
    about: &'static str,
    size: (usize, usize, usize),
) -> KnownSet {
    KnownSet {
        train_file: None,
        origin: "",
        embedded: true,
        ..published(name, about, size, ("", ""), EMBEDDED)
    }
}

/// The known rankings. Counts and checksums were taken from the files themselves.
pub(super) static RANKINGS: &[KnownSet] = &[
    embedded("iris", "irises, and the species they are like", (150, 4, 3)),
    embedded("wine", "wines, and the growers they are like", (178, 13, 3)),
    published(
        "authorship",
        "pages of four authors, and whose words they are like",
        (841, 70, 4),
        (
            "authorship.csv",
            "11f0585d63eec9f4dbcf7770633fb21b5cdb1fa766c8cb03783fdd383599e5e4",
        ),
        CHENG,
    ),
    published(
        "glass",
        "pieces of glass, and what they may be from",
        (214, 9, 6),
        (
            "glass.csv",
            "f34634f30dc168f95cd5a578fce2ecfd6e940ce8c9478dabe88e2f54f9ab1101",
        ),
        CHENG,
    ),
    published(
        "vehicle",
        "silhouettes of vehicles, and what they are like",
        (846, 18, 4),
        (
            "vehicle.csv",
            "7f0d1a0c15a391f2df09a5808ff1036027dd4f97bc5ec99c2c9a8fcd326cfc60",
        ),
        CHENG,
    ),
    published(
        "vowel",
        "spoken vowels, and those they sound like",
        (528, 10, 11),
        (
            "vowel.csv",
            "68a31835abce34053baded4421db72856f679dbf3a12a7b7bbb836f8b8262acd",
        ),
        CHENG,
    ),
    published(
        "iris_published",
        "irises, and the species they are like",
        (150, 4, 3),
        (
            "iris.csv",
            "3c1bfea4619200e1bc2782871df8dabc5773c09b2603bbc8046f16c3397528c5",
        ),
        CHENG,
    ),
    published(
        "wine_published",
        "wines, and the growers they are like",
        (178, 13, 3),
        (
            "wine.csv",
            "4a4956db3f3b86202a72005b9eb7d9f1cff334aa5045e095987b9ab6d50766ba",
        ),
        CHENG,
    ),
    published(
        "housing",
        "towns, and the order of six of their features",
        (506, 6, 6),
        (
            "housing.csv",
            "a4ded06764b9da9192ace36b9153e0b99d17b4e16ee20174377dc0edf85e9f5f",
        ),
        CHENG,
    ),
    published(
        "stock",
        "days, and the order of five stock prices",
        (950, 5, 5),
        (
            "stock.csv",
            "18d8b67419eeeacc3df028a11ed753bf065de45cdcefc1471620fe4a30f2d07f",
        ),
        CHENG,
    ),
    published(
        "wisconsin",
        "tumours, and the order of sixteen of their features",
        (194, 16, 16),
        (
            "wisconsin.csv",
            "ba1a88107e67438548c18402414e8bd70b01f93e10609a107a035c6435e4e433",
        ),
        CHENG,
    ),
    published(
        "cpu",
        "moments of a computer, and the order of five of its loads",
        (8192, 6, 5),
        (
            "cpu.csv",
            "5f6cd43e967b7b2f57ad80e0108c04b21e795ae3b1ee8812019f921ec5e217c7",
        ),
        CHENG,
    ),
    published(
        "heat",
        "yeast genes, and the order of their expression over six moments of a heat shock",
        (2465, 24, 6),
        (
            "heat.csv",
            "9a4ad9140291f0c88b62fcdd7851fff288aaea359887d72e6a1f7a693da58b76",
        ),
        GENES,
    ),
    published(
        "spo",
        "yeast genes, and the order of their expression over eleven moments of sporulation",
        (2465, 24, 11),
        (
            "spo.csv",
            "c83fe8742aaa5bc3990a1cf43ec44e246f51f98e39859d658a4a192c991fe608",
        ),
        GENES,
    ),
];
