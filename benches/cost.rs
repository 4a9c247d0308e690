//! What solve and envelope gradient of the pairwise loss cost against k and batch, beside a floor, as a Markdown table:
//! docs/src/performance.md has one.
//!
//! The floor is the multiplications and additions that coordinate ascent cannot do without, at the rate of a large product of
//! libtorch on one thread: for each sweep of each row, a dot product with a row of A and an addition of one for every coordinate,
//! 4 k m; for the gradient in A three products of the batch, 6 k m a row.

mod pairwise;

use std::time::{Duration, Instant};

use efy_core::device::read;
use efy_core::{Error, Result};
use pairwise::Work;
use tch::{Device, Kind, Tensor};

const LABELS: [usize; 4] = [14, 101, 174, 1000];
const BATCHES: [usize; 5] = [1, 10, 100, 1000, 10_000];
/// Columns m of A.
const RANK: usize = 16;
/// For each number.
const TIME: Duration = Duration::from_millis(400);
/// Runs for each number, however long one takes.
const LEAST_RUNS: usize = 5;
/// Of the product that is the measure of the machine.
const SIZE: i64 = 1024;

/// The median time of `work` in seconds.
fn median<T>(mut work: impl FnMut() -> Result<T>) -> Result<f64> {
    let started = Instant::now();
    let mut times = Vec::new();
    work()?;
    while times.len() < LEAST_RUNS || started.elapsed() < TIME {
        let now = Instant::now();
        std::hint::black_box(work()?);
        times.push(now.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Multiplications and additions a second.
fn rate() -> Result<f64> {
    let a = Tensor::rand([SIZE, SIZE], (Kind::Float, Device::Cpu));
    let seconds = median(|| a.f_mm(&a).map_err(Error::from))?;
    Ok(2.0 * (SIZE as f64).powi(3) / seconds)
}

/// With three digits.
fn told(seconds: f64) -> String {
    let (number, unit) = match seconds {
        s if s < 1e-3 => (s * 1e6, "µs"),
        s => (s * 1e3, "ms"),
    };
    let digits = 2_usize.saturating_sub(number.log10().floor().max(0.0) as usize);
    format!("{number:.digits$} {unit}")
}

/// Sweeps of all rows, and seconds without and with the gradient.
fn cost(k: usize, batch: usize) -> Result<[f64; 3]> {
    let work = Work::new([k, RANK, batch])?;
    let sweeps = read::to_vec::<f64>(&work.solve()?.report.iterations)?;
    let (solve, both) = (median(|| work.solve())?, median(|| work.run())?);
    Ok([sweeps.iter().sum(), solve, both])
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    tch::set_num_threads(1);
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let (rate, threads) = (rate()?, rayon::current_num_threads());
    println!(
        "A large product: {:.0} GFlop/s on one thread.\n",
        rate / 1e9
    );
    println!("| k | batch | sweeps | solve | and gradient | floor | ratio | {threads} threads |");
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|");
    for k in LABELS {
        for batch in BATCHES {
            let [sweeps, solve, both] = alone.install(|| cost(k, batch))?;
            let [_, _, together] = cost(k, batch)?;
            let floor = (k * RANK) as f64 * (4.0 * sweeps + 6.0 * batch as f64) / rate;
            println!(
                "| {k} | {batch} | {:.1} | {} | {} | {} | {:.1} | {} |",
                sweeps / batch as f64,
                told(solve),
                told(both),
                told(floor),
                both / floor,
                told(together),
            );
        }
    }
    Ok(())
}
