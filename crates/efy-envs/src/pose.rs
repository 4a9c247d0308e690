//! What an environment looks like.

/// An environment from one side, in metres.
#[derive(Clone, Debug, PartialEq)]
pub struct Pose {
    /// Its parts, those behind others first.
    pub capsules: Vec<Capsule>,
    /// The height of the ground, if it is seen from the side.
    pub ground: Option<f64>,
    /// Seconds between this pose and that after a step.
    pub seconds: f64,
}

/// All points within `radius` of a segment; a ball where its ends are one point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capsule {
    /// One end: to the right and up.
    pub from: [f64; 2],
    /// The other end.
    pub to: [f64; 2],
    /// The distance.
    pub radius: f64,
    /// The limb it belongs to; 0 is the trunk.
    pub limb: usize,
}
