//! An example of each kind of figure, with made-up numbers that are the same every time.

use std::f64::consts::PI;

use efy_plot::{
    Axis, Bars, Capsule, Chart, Density, Dot, Drawing, Figure, Film, Group, HeatMap, Point, Run,
    ScaleKind, Scatter, ScatterGroup, SeriesSet, SphereDensity, SpherePanel, Width, group_figures,
};

/// All of them, of a width for each kind or of the one that is given.
///
/// # Errors
/// If one of them cannot be made.
pub fn figures(width: Option<Width>) -> Result<Vec<Box<dyn Drawing>>, &'static str> {
    let single = width.unwrap_or(Width::Single);
    let double = width.unwrap_or(Width::Double);
    let mut bands = bands()?;
    bands.width = single;
    let (mut convergence, mut bars, mut heat_map) = (convergence(), bars(), heat_map());
    let (mut scatter, mut sphere, mut poses) = (scatter(), sphere(), poses());
    convergence.width = single;
    bars.width = single;
    heat_map.width = single;
    scatter.width = single;
    sphere.width = double;
    poses.width = double;
    Ok(vec![
        Box::new(bands),
        Box::new(convergence),
        Box::new(bars),
        Box::new(heat_map),
        Box::new(scatter),
        Box::new(sphere),
        Box::new(poses),
    ])
}

fn axis(label: &str, scale: ScaleKind) -> Axis {
    Axis {
        label: label.to_owned(),
        scale,
        bounds: None,
    }
}

/// Two settings, five seeds each.
fn bands() -> Result<Figure, &'static str> {
    let mut noise = Noise(7);
    let mut run = |name: &str, floor: f64, speed: f64| {
        let mut series = SeriesSet::default();
        let (floor, speed) = (floor + 0.03 * noise.normal(), speed + 0.1 * noise.normal());
        for epoch in 1..=60u32 {
            let progress = (-f64::from(epoch) / (12.0 * speed)).exp();
            let value = Some(floor + 1.6 * progress + 0.015 * noise.normal());
            let step = u64::from(epoch) * 15;
            series.push("validation", "loss", Point { step, value });
        }
        Run {
            name: name.to_owned(),
            best_step: None,
            series,
        }
    };
    let unary: Vec<Run> = (0..5).map(|_| run("unary", 0.82, 1.0)).collect();
    let pairwise: Vec<Run> = (0..5).map(|_| run("pairwise", 0.58, 1.3)).collect();
    let groups = [
        Group::of("unary", unary.iter().collect()),
        Group::of("pairwise", pairwise.iter().collect()),
    ];
    let mut figures = group_figures(&groups).into_iter();
    let mut figure = figures.next().ok_or("nothing to draw")?;
    figure.name = "bands".to_owned();
    Ok(figure)
}

/// Residuals of solvers over iterations, which are powers of ten.
fn convergence() -> Chart {
    let rates = [
        ("projected gradient", 0.93f64),
        ("FISTA", 0.8),
        ("coordinate ascent", 0.55),
    ];
    let lines = rates.iter().enumerate().map(|(index, &(label, rate))| {
        let counts = (0..=60).map(|exponent| 10f64.powf(f64::from(exponent) / 25.0));
        let residual = |count: f64| (count, rate.powf(count) + 1e-16);
        (index, label.to_owned(), counts.map(residual).collect())
    });
    let axes = (
        axis("iterations", ScaleKind::Log),
        axis("residual", ScaleKind::Log),
    );
    Chart::new("convergence", "Convergence of three solvers", axes, lines)
}

fn bars() -> Bars {
    let categories = ["Hamming accuracy", "micro F1", "macro F1"].map(str::to_owned);
    let dots = |numbers: [(f64, f64); 3]| {
        let dot = |(mean, deviation)| Some(Dot { mean, deviation });
        numbers.map(dot).to_vec()
    };
    let series = [
        (
            "unary",
            dots([(0.786, 0.004), (0.612, 0.009), (0.351, 0.012)]),
        ),
        (
            "pairwise",
            dots([(0.801, 0.003), (0.655, 0.007), (0.402, 0.010)]),
        ),
        (
            "SPEN",
            dots([(0.797, 0.005), (0.648, 0.012), (0.391, 0.021)]),
        ),
    ];
    let series = series.map(|(label, bars)| (label.to_owned(), bars));
    let y = Axis {
        bounds: Some((0.0, 1.0)),
        ..axis("test metric", ScaleKind::Linear)
    };
    Bars::new(
        "bars",
        "Test metrics, mean ± s.d. of five seeds",
        categories.to_vec(),
        y,
        series,
    )
}

/// Rank correlations of two hyperparameters; two settings diverged.
fn heat_map() -> HeatMap {
    let columns = ["0.01", "0.03", "0.1", "0.3", "1", "3"].map(str::to_owned);
    let rows = ["1", "2", "4", "8", "16"].map(str::to_owned);
    let value = |row: usize, column: usize| {
        let (x, y) = (column as f64 - 2.4, row as f64 - 2.8);
        match (row, column) {
            (3.., 5) => f64::NAN,
            _ => 0.81 - 0.021 * x * x - 0.013 * y * y + 0.006 * x * y,
        }
    };
    let values = (0..rows.len())
        .map(|row| {
            (0..columns.len())
                .map(|column| value(row, column))
                .collect()
        })
        .collect();
    let names = (columns.to_vec(), rows.to_vec());
    HeatMap {
        x_label: "learning rate".to_owned(),
        y_label: "rank".to_owned(),
        ..HeatMap::new(
            "heat-map",
            "Validation accuracy of a sweep",
            names,
            values,
            axis("accuracy", ScaleKind::Linear),
        )
    }
}

/// Times of two solvers on the same problems.
fn scatter() -> Scatter {
    let mut noise = Noise(3);
    let mut group = |index: usize, label: &str, factor: f64| {
        let problem = |_| {
            let size = 10f64.powf(1.5 + 0.8 * noise.normal());
            (
                size,
                size.powf(0.8) * factor * 10f64.powf(0.12 * noise.normal()),
            )
        };
        ScatterGroup::nth(index, label, (0..90).map(problem).collect())
    };
    let groups = vec![group(0, "low rank", 0.7), group(1, "dense", 2.4)];
    let axes = (
        axis("FISTA (µs)", ScaleKind::Log),
        axis("coordinate ascent (µs)", ScaleKind::Log),
    );
    Scatter {
        identity: true,
        ..Scatter::new("scatter", "Time of one solve", axes, groups)
    }
}

/// A mixture of two modes on the sphere, and particles that were drawn from it.
fn sphere() -> SphereDensity {
    let modes = [
        ([0.8, 0.5, 0.33], 12.0, 0.65),
        ([0.1, -0.75, -0.65], 25.0, 0.35),
    ];
    let density = |at: [f64; 3]| -> f64 {
        let mode = |(centre, concentration, weight): &([f64; 3], f64, f64)| {
            let dot: f64 = at.iter().zip(centre).map(|(a, b)| a * b).sum();
            weight * concentration / (2.0 * PI) * (concentration * (dot - 1.0)).exp()
        };
        modes.iter().map(mode).sum()
    };
    let direction = |latitude: f64, longitude: f64| {
        let (latitude, longitude) = (latitude.to_radians(), longitude.to_radians());
        let flat = latitude.cos();
        [
            flat * longitude.cos(),
            flat * longitude.sin(),
            latitude.sin(),
        ]
    };
    let row = |row: u32| {
        let latitude = 90.0 - 4.0 * (f64::from(row) + 0.5);
        let value = |column: u32| {
            let longitude = -180.0 + 4.0 * (f64::from(column) + 0.5);
            density(direction(latitude, longitude))
        };
        (0..90).map(value).collect()
    };
    let target = Density::Grid((0..45).map(row).collect());
    let mut noise = Noise(11);
    let mut samples = Vec::new();
    while samples.len() < 400 {
        let at = [noise.normal(), noise.normal(), noise.normal()];
        let length = at.iter().map(|part| part * part).sum::<f64>().sqrt();
        let at = at.map(|part| part / length);
        if noise.uniform() * 2.0 < density(at) {
            samples.push(at);
        }
    }
    let particles = Density::Samples {
        samples: samples.clone(),
        bandwidth: Some(12.0),
    };
    let panel = |title: &str, density: Density, points: Vec<[f64; 3]>| SpherePanel {
        title: title.to_owned(),
        density,
        points,
        marks: Vec::new(),
    };
    let panels = vec![
        panel("target", target, Vec::new()),
        panel("400 particles, 12° kernels", particles, samples),
    ];
    SphereDensity::new("sphere", "Particles and the density they follow", panels)
}

/// Random numbers that are the same every time.
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// About normal: the sum of twelve uniform numbers.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// A stick with two legs that walks.
fn poses() -> Film {
    let pictures = (0..300).map(|index| {
        let phase = f64::from(index) * 0.1;
        let hip = [0.05 * f64::from(index), 1.0 + 0.03 * (2.0 * phase).cos()];
        let part = |limb, from: [f64; 2], angle: f64, length: f64| Capsule {
            from,
            to: [
                from[0] + length * angle.sin(),
                from[1] - length * angle.cos(),
            ],
            radius: 0.06,
            limb,
        };
        let leg = |limb, phase: f64| {
            let thigh = part(limb, hip, 0.5 * phase.sin(), 0.45);
            let bent = 0.5 * phase.sin() - 0.4 * (1.0 + phase.cos());
            [thigh, part(limb, thigh.to, bent, 0.45)]
        };
        let trunk = part(0, hip, PI - 0.15, 0.6);
        let [left, right] = [leg(1, phase), leg(2, phase + PI)];
        [left[0], left[1], trunk, right[0], right[1]].to_vec()
    });
    Film::new(
        "poses",
        "Somebody who walks",
        Some(0.0),
        0.03,
        pictures.collect(),
    )
}
