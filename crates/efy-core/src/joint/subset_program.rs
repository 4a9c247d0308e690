//! The exact partition function of linear couplings over permutations: dynamic programming over subsets.

use std::cell::RefCell;
use std::rc::Rc;

use tch::{Device, Tensor};

use crate::{Error, Result};

/// $2^{16} \cdot 16$ terms a row.
pub(crate) const MOST_ITEMS: i64 = 16;
/// Numbers of one layer, over all rows of a part, without a graph.
const PART: i64 = 1 << 22;

/// $\log \frac{1}{k!} \sum_{\sigma} \exp \sum_i \Theta_{i, \sigma(i)}$ for `theta` $\Theta$ `[B, k, k]`, `[B]`, with
/// the graph: the logarithm of the permanent of $e^\Theta$ over k!.
///
/// $F(\emptyset) = 0$, $F(S) = \log \sum_{j \in S} e^{\Theta_{|S|, j} + F(S \setminus \{j\})}$, the result is
/// $F(\{1..k\}) - \log k!$: $2^k k$ operations in which nothing cancels. One layer, the sets of one size, is
/// a few tensor operations; nothing is read back. With a graph, memory is $2^{k - 1} k$ numbers a row,
/// several times. (The recursion is ours, the paper has no exact value here; the permanent is #P-hard.)
///
/// # Errors
/// [`Error::Shape`] unless it is `[B, k, k]`; [`Error::Unsupported`] for k above 16.
pub fn log_permanent_over_factorial(theta: &Tensor) -> Result<Tensor> {
    let &[rows, k, columns] = theta.size().as_slice() else {
        return wrong_shape(theta);
    };
    if k != columns || k < 1 {
        return wrong_shape(theta);
    }
    if k > MOST_ITEMS {
        return Err(Error::Unsupported {
            solver: "dynamic programming over subsets",
            problem: format!("permutations of {k} items, more than {MOST_ITEMS}"),
            hint: "use the sampled objective",
        });
    }
    let layers = known_layers(k, theta.device())?;
    let widest = layers.iter().map(|layer| layer.members.numel() as i64);
    let part = (PART / widest.max().unwrap_or(1).max(1)).max(1);
    let log_factorial: f64 = (2..=k).map(|i| (i as f64).ln()).sum();
    let parts: Vec<Tensor> = (0..rows.max(1))
        .step_by(part as usize)
        .map(|from| run(&theta.f_narrow(0, from, part.min(rows - from))?, &layers))
        .collect::<Result<_>>()?;
    Ok(Tensor::f_cat(&parts, 0)? - log_factorial)
}

fn wrong_shape(theta: &Tensor) -> Result<Tensor> {
    Err(Error::Shape {
        what: "theta",
        expected: "[B, k, k]".to_owned(),
        found: theta.size(),
    })
}

fn run(theta: &Tensor, layers: &[Layer]) -> Result<Tensor> {
    let rows = theta.size()[0];
    let mut f = theta.f_new_zeros([rows, 1], (theta.kind(), theta.device()))?;
    for (row, layer) in layers.iter().enumerate() {
        let size = (row + 1) as i64;
        let last = theta.f_select(1, row as i64)?;
        let terms = f.f_index_select(1, &layer.rest)? + last.f_index_select(1, &layer.members)?;
        f = terms
            .f_view([rows, -1, size])?
            .f_logsumexp([2_i64], false)?;
    }
    Ok(f.squeeze_dim(1))
}

/// The subsets S of one size: for each its members j and where $S \setminus \{j\}$ is in the layer before.
struct Layer {
    members: Tensor,
    rest: Tensor,
}

/// The layers of the last k and device, kept: to make them takes longer than a step that uses them.
fn known_layers(k: i64, device: Device) -> Result<Rc<Vec<Layer>>> {
    type Known = Option<(i64, Device, Rc<Vec<Layer>>)>;
    thread_local! {
        static KNOWN: RefCell<Known> = const { RefCell::new(None) };
    }
    KNOWN.with_borrow_mut(|known| match known {
        Some((of, on, all)) if *of == k && *on == device => Ok(Rc::clone(all)),
        _ => {
            let all = Rc::new(layers(k, device)?);
            *known = Some((k, device, Rc::clone(&all)));
            Ok(all)
        }
    })
}

fn layers(k: i64, device: Device) -> Result<Vec<Layer>> {
    let mut by_size: Vec<Vec<u32>> = vec![Vec::new(); k as usize + 1];
    let mut places = vec![0_i64; 1 << k];
    for set in 0..1_u32 << k {
        let layer = &mut by_size[set.count_ones() as usize];
        places[set as usize] = layer.len() as i64;
        layer.push(set);
    }
    let upload = |numbers: &[i64]| -> Result<Tensor> {
        Ok(Tensor::f_from_slice(numbers)?.f_to_device(device)?)
    };
    let layer = |sets: &Vec<u32>| {
        let mut members = Vec::new();
        let mut rest = Vec::new();
        for &set in sets {
            for j in (0..k).filter(|j| set >> j & 1 == 1) {
                members.push(j);
                rest.push(places[(set & !(1 << j)) as usize]);
            }
        }
        Ok(Layer {
            members: upload(&members)?,
            rest: upload(&rest)?,
        })
    };
    by_size[1..].iter().map(layer).collect()
}
