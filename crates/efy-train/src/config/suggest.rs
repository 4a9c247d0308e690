//! The name that was probably meant.

/// Names at least this similar are suggested.
const SIMILAR: f64 = 0.7;

/// The one of `known` that is most like `name`, if any is.
///
/// ```
/// use efy_train::config::nearest;
/// assert_eq!(nearest("batchsize", ["epochs", "batch_size"]), Some("batch_size"));
/// assert_eq!(nearest("zzz", ["epochs", "batch_size"]), None);
/// ```
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
