//! A linear plant with bounded actuators, and the controller that a policy may learn from.

mod box_qp;
mod controller;
mod plant;

pub use box_qp::{BoxQp, Solution};
pub use controller::Controller;
pub use plant::{LinearPlant, LinearPlantConfig};
