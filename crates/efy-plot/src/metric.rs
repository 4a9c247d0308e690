//! Metrics that are known by name.

/// Metrics that are fractions and fit on one figure, with how they are written out.
pub(crate) const FRACTIONS: [(&str, &str); 8] = [
    ("hamming_accuracy", "Hamming accuracy"),
    ("subset_accuracy", "subset accuracy"),
    ("micro_f1", "micro F1"),
    ("macro_f1", "macro F1"),
    ("example_f1", "example F1"),
    ("top1_accuracy", "top-1 accuracy"),
    ("pairwise_accuracy", "pairwise accuracy"),
    ("exact_accuracy", "exact accuracy"),
];

/// Where a metric comes among others: the known ones in their order, then the rest.
pub(crate) fn rank(metric: &str) -> usize {
    let known = FRACTIONS.iter().position(|(name, _)| *name == metric);
    known.unwrap_or(FRACTIONS.len())
}

/// Whether a metric is known to be from 0 to 1.
pub(crate) fn is_fraction(metric: &str) -> bool {
    rank(metric) < FRACTIONS.len()
}

/// Whether less of a metric is better: of losses, distances between distributions, and the share of
/// inner problems that were not solved.
pub(crate) fn lower_is_better(metric: &str) -> bool {
    let known = [
        "loss",
        "kl",
        "fisher",
        "tv",
        "energy_distance",
        "unconverged",
    ];
    known.contains(&metric) || metric.ends_with("_error")
}

/// Whether a metric goes through orders of magnitude on its way to 0: a divergence between densities.
pub(crate) fn falls_to_zero(metric: &str) -> bool {
    matches!(metric, "kl" | "fisher")
}

/// A metric as it is written beside an axis.
pub(crate) fn written_out(metric: &str) -> String {
    match (FRACTIONS.get(rank(metric)), metric) {
        (Some((_, label)), _) => (*label).to_owned(),
        (None, "kendall_tau") => "Kendall tau".to_owned(),
        (None, "spearman") => "Spearman rho".to_owned(),
        (None, "kl") => "KL divergence".to_owned(),
        (None, "fisher") => "Fisher divergence".to_owned(),
        (None, "tv") => "total variation of the neurons".to_owned(),
        (None, _) => metric.replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_metrics_come_first() {
        let mut metrics = ["zeta", "example_f1", "hamming_accuracy"];
        metrics.sort_by_key(|metric| rank(metric));
        assert_eq!(metrics, ["hamming_accuracy", "example_f1", "zeta"]);
    }

    #[test]
    fn any_metric_can_be_written_out() {
        assert_eq!(written_out("micro_f1"), "micro F1");
        assert_eq!(written_out("kendall_tau"), "Kendall tau");
        assert_eq!(written_out("return_normalized"), "return normalized");
        assert!(lower_is_better("loss") && !lower_is_better("micro_f1"));
        assert!(is_fraction("micro_f1") && !is_fraction("kendall_tau"));
    }
}
