//! What `HostBatches` promises, whatever device the batches go to.

use efy_test::{device, everywhere, kind, on_cpu};
use tch::{Device, Tensor};

use super::*;

/// Ten examples: a column of numbers and one of rows of two.
fn columns() -> Vec<Tensor> {
    let options = (kind(), Device::Cpu);
    let narrow = Tensor::arange(10, options) * 1.5;
    vec![narrow, Tensor::arange(20, options).reshape([10, 2]).sin()]
}

fn indices(values: &[i64]) -> Tensor {
    Tensor::from_slice(values)
}

/// Everything in a batch.
fn content(batch: &Batch) -> (Vec<i64>, Vec<Vec<f64>>) {
    let columns = batch.columns.iter();
    assert!(batch.columns.iter().all(|c| c.device() == device()));
    (
        read::to_vec(&batch.rows).unwrap(),
        columns.map(|c| read::to_vec(c).unwrap()).collect(),
    )
}

/// What a batch of these examples has to be.
fn expected(rows: &[i64]) -> (Vec<i64>, Vec<Vec<f64>>) {
    let columns = columns();
    let columns = columns.iter();
    let gathered = columns.map(|c| read::to_vec(&c.index_select(0, &indices(rows))).unwrap());
    (rows.to_vec(), gathered.collect())
}

const ORDER: [[i64; 3]; 3] = [[7, 0, 3], [9, 1, 2], [8, 4, 6]];

fn announced() -> HostBatches {
    let mut host = HostBatches::new(columns(), device());
    host.announce(&ORDER.map(|rows| indices(&rows))).unwrap();
    host
}

#[everywhere]
fn announced_batches_are_those_that_would_be_gathered_on_the_spot() {
    let mut host = announced();
    for rows in ORDER {
        assert_eq!(
            content(&host.batch(&indices(&rows)).unwrap()),
            expected(&rows)
        );
    }
    // The order has ended; what comes after it is gathered on the spot.
    for rows in [[0, 1, 2], ORDER[0]] {
        assert_eq!(
            content(&host.batch(&indices(&rows)).unwrap()),
            expected(&rows)
        );
    }
    assert!(!(on_cpu() && host.is_pinned()), "there is nothing to copy");
}

#[everywhere]
fn a_batch_can_be_asked_for_in_parts_and_again_from_its_beginning() {
    let mut host = announced();
    let parts: [&[i64]; 7] = [&[7, 0], &[3], &[7], &[0], &[3], &ORDER[1], &ORDER[2][1..]];
    for rows in parts {
        assert_eq!(
            content(&host.batch(&indices(rows)).unwrap()),
            expected(rows)
        );
    }
    assert_eq!(host.queue.as_ref().unwrap().left, 0, "none was left out");
}

#[everywhere]
fn a_batch_that_was_not_announced_does_not_disturb_the_order() {
    let mut host = announced();
    let rows: [&[i64]; 5] = [&ORDER[0], &[5, 5], &ORDER[1], &[3, 0], &ORDER[2]];
    for rows in rows {
        assert_eq!(
            content(&host.batch(&indices(rows)).unwrap()),
            expected(rows)
        );
    }
    assert_eq!(host.queue.as_ref().unwrap().left, 0);
}

#[everywhere]
fn replicas_get_their_own_examples_whole_and_in_parts() {
    let mut host = HostBatches::new(columns(), device());
    let rows = Tensor::from_slice2(&ORDER);
    // The second batch has another first replica, the third is asked for in parts.
    let other = Tensor::from_slice2(&[ORDER[1], ORDER[0], ORDER[2]]);
    host.announce(&[
        rows.shallow_clone(),
        other.shallow_clone(),
        rows.shallow_clone(),
    ])
    .unwrap();
    let parts = [
        rows.shallow_clone(),
        other,
        rows.narrow(1, 0, 2),
        rows.narrow(1, 2, 1),
    ];
    for rows in &parts {
        let batch = host.batch(rows).unwrap();
        let on_host = |t: &Tensor| t.to_device(Device::Cpu);
        assert_eq!(on_host(&batch.rows), *rows);
        for (found, column) in batch.columns.iter().zip(columns()) {
            let flat = column.index_select(0, &rows.reshape([-1]));
            assert_eq!(found.size()[..2], rows.size());
            assert_eq!(on_host(found).reshape(flat.size()), flat);
        }
    }
    assert_eq!(host.queue.as_ref().unwrap().left, 0, "none was left out");
    // The same first replica and another second one is another batch.
    let mixed = Tensor::from_slice2(&[ORDER[0], ORDER[2], ORDER[1]]);
    let found = host.batch(&mixed).unwrap().rows;
    assert_eq!(found.to_device(Device::Cpu), mixed);
}

#[everywhere]
fn a_new_order_replaces_one_that_was_left_in_the_middle() {
    let mut host = announced();
    host.batch(&indices(&ORDER[0])).unwrap();
    host.announce(&[indices(&[1, 2]), indices(&ORDER[0])])
        .unwrap();
    for rows in [&[1, 2][..], &ORDER[0]] {
        assert_eq!(
            content(&host.batch(&indices(rows)).unwrap()),
            expected(rows)
        );
    }
    assert_eq!(host.queue.as_ref().unwrap().left, 0, "from the new order");
}

#[everywhere]
fn whoever_stops_in_the_middle_is_not_kept_waiting_by_the_thread() {
    let mut host = HostBatches::new(columns(), device());
    let batches: Vec<Tensor> = (0..10).map(|row| indices(&[row])).collect();
    host.announce(&batches).unwrap();
    host.batch(&batches[0]).unwrap();
    // The thread waits for room, and this waits for the thread.
    drop(host);
}

#[everywhere]
fn what_the_thread_meets_with_is_told_when_its_batch_is_asked_for() {
    let mut host = HostBatches::new(columns(), device());
    host.announce(&[indices(&[1]), indices(&[10])]).unwrap();
    host.batch(&indices(&[1])).unwrap();
    let error = host.batch(&indices(&[10])).unwrap_err().to_string();
    assert!(error.contains("index out of range"), "{error}");
    let error = host.batch(&indices(&[10])).unwrap_err().to_string();
    assert!(error.contains("index out of range"), "on the spot: {error}");
}
