//! Linear maximizers and vertices.

use super::*;

#[everywhere]
fn linear_argmax_is_the_best_vertex() {
    let theta = rows(4);
    for domain in polytopes() {
        let vertices = support::vertices(domain.as_ref(), 9).unwrap();
        let brute = theta.matmul(&vertices.tr()).amax([-1].as_slice(), false);
        let best = domain.linear_argmax(&theta).unwrap();
        assert_eq!(best.kind(), kind());
        assert!(all(&domain.contains(&best, 1e-6)), "{}", domain.name());
        if kind() == Kind::Double {
            assert_close(domain.name(), &dot(&theta, &best), &brute, 1e-12);
        }
    }
    for domain in [
        Box::new(Ball::new(2.0).unwrap()) as Box<dyn Domain>,
        Box::new(Sphere::new(2.0).unwrap()),
    ] {
        let best = domain.linear_argmax(&theta).unwrap();
        let norm = theta
            .square()
            .sum_dim_intlist(-1, false, None::<Kind>)
            .sqrt();
        assert_close(domain.name(), &dot(&theta, &best), &(norm * 2.0), 1e-12);
    }
}

#[everywhere]
fn ties_of_linear_argmax_go_to_small_sums_and_early_coordinates() {
    let check = |domain: &dyn Domain, theta: &[f64], expected: &[f64]| {
        let theta = tensor(theta).unsqueeze(0);
        let found = domain.linear_argmax(&theta).unwrap();
        assert_close(domain.name(), &found, &tensor(expected), 0.0);
    };
    check(&Simplex::default(), &[1.0, 2.0, 2.0], &[0.0, 1.0, 0.0]);
    check(&*knapsack(0.0, 2.0), &[0.0, 0.0, 0.0], &[0.0, 0.0, 0.0]);
    check(&*knapsack(1.0, 2.5), &[0.0, 0.0, 0.0], &[1.0, 0.0, 0.0]);
    check(&*knapsack(1.0, 2.5), &[3.0, 3.0, 3.0], &[1.0, 1.0, 0.5]);
    let ranking = Permutahedron::ranking(3).unwrap();
    check(&ranking, &[1.0, 4.0, 1.0], &[1.0, 2.0, 0.0]);
    check(&OrderSimplex, &[1.0, 0.0, -1.0], &[1.0, 0.0, 0.0]);
    check(&Birkhoff::new(2).unwrap(), &[5.0; 4], &[1.0, 0.0, 0.0, 1.0]);
    check(&Ball::new(1.0).unwrap(), &[0.0, 0.0], &[0.0, 0.0]);
    check(&Sphere::new(1.0).unwrap(), &[0.0, 0.0], &[1.0, 0.0]);
}

#[everywhere]
fn vertices_are_distinct_sorted_and_extreme() {
    let expected: [(Box<dyn Domain>, i64); 7] = [
        (Box::new(Simplex::default()), 4),
        // One empty set, four singles, six pairs.
        (knapsack(0.0, 2.0), 11),
        // Six pairs; three free places for half a label beside each of four ones or six pairs.
        (knapsack(1.5, 2.5), 4 * 3 + 6 + 6 * 2),
        (Box::new(Permutahedron::ranking(4).unwrap()), 24),
        (
            Box::new(Permutahedron::new(vec![1.0, 1.0, 0.0, 0.0]).unwrap()),
            6,
        ),
        (Box::new(Birkhoff::new(2).unwrap()), 2),
        (Box::new(OrderSimplex), 5),
    ];
    for (domain, count) in expected {
        let vertices = support::vertices(domain.as_ref(), 4).unwrap();
        assert_eq!(vertices.size(), [count, 4], "{}", domain.name());
        assert!(
            all(&domain.contains(&vertices, tolerance(1e-15))),
            "{}",
            domain.name()
        );
        let list = values(&vertices);
        assert!(
            list.chunks(4).is_sorted_by(|a, b| a < b),
            "{}",
            domain.name()
        );
        // A vertex is no mean of others: it is the projection of itself pushed outwards.
        let centre = vertices.mean_dim([0].as_slice(), true, None::<Kind>);
        let pushed = &vertices + (&vertices - centre) * 50.0;
        assert_close(domain.name(), &domain.project(&pushed), &vertices, 1e-11);
    }
    assert!(Simplex::default().vertices(100_000).is_none());
    assert!(Permutahedron::ranking(20).unwrap().vertices(20).is_none());
    assert!(Ball::new(1.0).unwrap().vertices(2).is_none());
    assert_eq!(product().vertices(9).unwrap().size(), [2 * 2 * 6 * 4, 9]);
}

#[everywhere]
fn starts_lie_inside_and_points_outside_are_told() {
    for domain in domains() {
        let like = Tensor::empty([2, 9], place());
        let start = domain.start(&like);
        assert_eq!((start.size(), start.kind()), (vec![2, 9], kind()));
        assert!(all(&domain.contains(&start, 1e-6)), "{}", domain.name());
        let outside = Tensor::full([1, 9], 1.6, place()) + Tensor::arange(9, place()) * 0.4;
        let inside = all(&domain.contains(&outside, 1e-3));
        assert!(!inside, "{}", domain.name());
        let projected = domain.project(&outside);
        let moved = projected.copy();
        let _ = moved.get(0).get(4).g_add_scalar_(0.5);
        let still_inside = all(&domain.contains(&moved, 1e-3));
        let full_dimensional = ["ball", "order_simplex"].contains(&domain.name());
        assert!(!still_inside || full_dimensional, "{}", domain.name());
    }
}
