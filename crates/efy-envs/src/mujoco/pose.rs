//! A body in MuJoCo as capsules in a plane.

use mujoco_rs::prelude::MjtGeomBase;
use mujoco_rs::wrappers::MjModel;

use super::{Body, Locomotion};
use crate::pose::{Capsule, Pose};

impl Locomotion {
    /// The pose at the beginning of the last step of the physics, which is as far as MuJoCo computes places of bodies. The swimmer is seen from
    /// above, the others from the side.
    pub(super) fn capsules(&self) -> Pose {
        let (right, up, depth) = match self.body() {
            Body::Swimmer => (0, 1, 2),
            _ => (0, 2, 1),
        };
        let data = self.data();
        let model = data.model();
        let (kinds, sizes, bodies) = (model.geom_type(), model.geom_size(), model.geom_bodyid());
        let mut seen = Vec::new();
        for (geom, (place, turn)) in data.geom_xpos().iter().zip(data.geom_xmat()).enumerate() {
            // A ball is a capsule without length.
            let half = match kinds[geom] {
                MjtGeomBase::mjGEOM_CAPSULE => sizes[geom][1],
                MjtGeomBase::mjGEOM_SPHERE => 0.0,
                _ => continue,
            };
            // The axis of a capsule is its own z: the last column of its rotation.
            let end =
                |side: f64| [right, up].map(|axis| place[axis] + side * half * turn[3 * axis + 2]);
            let capsule = Capsule {
                from: end(-1.0),
                to: end(1.0),
                radius: sizes[geom][0],
                limb: limb(model, bodies[geom]),
            };
            seen.push((place[depth], capsule));
        }
        if depth == 1 {
            // One looks along y.
            seen.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        }
        Pose {
            capsules: seen.into_iter().map(|(_, capsule)| capsule).collect(),
            ground: (depth == 1).then_some(0.0),
            seconds: self.seconds(),
        }
    }
}

/// The limb that a body belongs to: which child of the trunk it comes from, 0 for the trunk itself.
fn limb(model: &MjModel, body: i32) -> usize {
    const TRUNK: i32 = 1;
    let parents = model.body_parentid();
    let parent = |body: i32| parents.get(body as usize).copied().unwrap_or(0);
    let mut first = body;
    while first > TRUNK && parent(first) != TRUNK {
        first = parent(first);
    }
    if first <= TRUNK {
        return 0;
    }
    (0..=first)
        .filter(|&other| other > TRUNK && parent(other) == TRUNK)
        .count()
}
