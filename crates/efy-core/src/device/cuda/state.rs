//! Whether CUDA can be used, and if not, the first thing that is in the way: what it is and what to do,
//! as functions of what was found, so that every case can be looked at on any machine.

/// Driver versions that know a CUDA version: NVIDIA, "CUDA Compatibility", table 1.
const DRIVERS: [(i32, &str); 2] = [(13, "580"), (12, "525")];

/// Whether CUDA can be used, and if not, the first thing that is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CudaState {
    /// There is at least one device.
    Usable,
    /// `EFY_CUDA_LIB=none` keeps the library from being loaded.
    Disabled,
    /// libtorch's CUDA library or one of NVIDIA's libraries it needs is not installed.
    NotInstalled(String),
    /// The library is there but the machine has no NVIDIA driver.
    NoDriver,
    /// The driver is older than the CUDA version that libtorch was built for.
    DriverTooOld,
    /// There is a driver, and `CUDA_VISIBLE_DEVICES` has this value.
    Hidden(String),
    /// There is a driver but no device that it offers to this process.
    NoDevice,
}

impl CudaState {
    /// The name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            CudaState::Usable => "usable",
            CudaState::Disabled => "disabled",
            CudaState::NotInstalled(_) => "not_installed",
            CudaState::NoDriver => "no_driver",
            CudaState::DriverTooOld => "driver_too_old",
            CudaState::Hidden(_) => "hidden",
            CudaState::NoDevice => "no_device",
        }
    }
}

/// How loading libtorch's CUDA library went.
#[derive(Debug, Clone)]
pub(super) enum Library {
    Loaded,
    Disabled,
    /// With the loader's reason.
    Failed(String),
}

/// What was found on a machine.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) library: Library,
    /// `EFY_CUDA_LIB`, where it names a library.
    pub(super) named: Option<String>,
    /// Devices that libtorch can use.
    pub(super) devices: usize,
    /// The driver's version, where there is a driver.
    pub(super) driver: Option<String>,
    /// The CUDA version that libtorch was built for.
    pub(super) built_for: Option<(i32, i32)>,
    /// The newest CUDA version that the driver knows.
    pub(super) known_to_driver: Option<(i32, i32)>,
    /// `CUDA_VISIBLE_DEVICES`.
    pub(super) visible: Option<String>,
}

impl Found {
    /// The first thing that is in the way.
    pub(super) fn state(&self) -> CudaState {
        match &self.library {
            _ if self.devices > 0 => CudaState::Usable,
            Library::Disabled => CudaState::Disabled,
            Library::Failed(reason) => CudaState::NotInstalled(reason.clone()),
            Library::Loaded if self.driver.is_none() => CudaState::NoDriver,
            Library::Loaded if self.is_too_old() => CudaState::DriverTooOld,
            Library::Loaded => match &self.visible {
                Some(visible) => CudaState::Hidden(visible.clone()),
                None => CudaState::NoDevice,
            },
        }
    }

    /// Within a major version every driver serves every runtime.
    fn is_too_old(&self) -> bool {
        let majors = self.known_to_driver.zip(self.built_for);
        majors.is_some_and(|(known, needed)| known.0 < needed.0)
    }

    /// What there is, or what is in the way.
    pub(super) fn explain(&self) -> String {
        let driver = self.driver.as_deref().unwrap_or("unknown version");
        match self.state() {
            CudaState::Usable => match self.devices {
                1 => "CUDA is usable: 1 device".to_owned(),
                count => format!("CUDA is usable: {count} devices"),
            },
            CudaState::Disabled => {
                "CUDA is switched off by EFY_CUDA_LIB=none in the environment".to_owned()
            }
            CudaState::NotInstalled(reason) => match &self.named {
                Some(_) => {
                    format!("the library that EFY_CUDA_LIB names cannot be loaded: {reason}")
                }
                None => format!("libtorch's CUDA libraries are not installed ({reason})"),
            },
            CudaState::NoDriver => {
                "no NVIDIA driver was found on this machine (libcuda.so.1 is missing)".to_owned()
            }
            CudaState::DriverTooOld => {
                let [known, needed] = [self.known_to_driver, self.built_for].map(dotted);
                format!(
                    "the NVIDIA driver ({driver}) knows CUDA {known}, this libtorch is built for CUDA {needed}"
                )
            }
            CudaState::Hidden(visible) => format!(
                "the NVIDIA driver ({driver}) offers no device with CUDA_VISIBLE_DEVICES={visible:?}"
            ),
            CudaState::NoDevice => {
                format!("the NVIDIA driver ({driver}) offers no device that this libtorch can use")
            }
        }
    }

    /// What to do next; nothing where CUDA is usable.
    pub(super) fn next(&self) -> Option<String> {
        let driver = self.wanted_driver();
        Some(match self.state() {
            CudaState::Usable => return None,
            CudaState::Disabled => "unset EFY_CUDA_LIB".to_owned(),
            CudaState::NotInstalled(_) if self.named.is_some() => {
                "unset EFY_CUDA_LIB, or name a library that is there".to_owned()
            }
            CudaState::NotInstalled(_) if self.driver.is_some() => {
                "install them with `just setup-gpu`".to_owned()
            }
            CudaState::NotInstalled(_) => format!(
                "for a GPU, install {driver}, which was not found either, then run `just setup-gpu`"
            ),
            CudaState::NoDriver => {
                format!("install {driver}; in a container, start it with --gpus all")
            }
            CudaState::DriverTooOld => format!("install {driver}"),
            CudaState::Hidden(_) => {
                "unset CUDA_VISIBLE_DEVICES, or name GPUs that `nvidia-smi -L` lists".to_owned()
            }
            CudaState::NoDevice => {
                "see whether `nvidia-smi` lists one; after an update of the driver, restart the machine"
                    .to_owned()
            }
        })
    }

    fn wanted_driver(&self) -> String {
        let known = |(major, _)| DRIVERS.iter().find(|(of, _)| *of == major);
        match self.built_for.and_then(known) {
            Some((_, version)) => format!("the NVIDIA driver, version {version} or newer"),
            None => "a newer NVIDIA driver".to_owned(),
        }
    }
}

fn dotted(version: Option<(i32, i32)>) -> String {
    version.map_or_else(
        || "of an unknown version".to_owned(),
        |(major, minor)| format!("{major}.{minor}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine on which everything is as it should be.
    fn usable() -> Found {
        Found {
            library: Library::Loaded,
            named: None,
            devices: 1,
            driver: Some("580.65.06".to_owned()),
            built_for: Some((13, 0)),
            known_to_driver: Some((13, 0)),
            visible: None,
        }
    }

    fn missing() -> Library {
        Library::Failed("libcusparse.so.12: cannot open shared object file".to_owned())
    }

    #[test]
    fn every_stage_says_what_is_in_the_way_and_what_to_do() {
        let none = Found {
            devices: 0,
            ..usable()
        };
        let found = |change: &dyn Fn(&mut Found)| {
            let mut found = none.clone();
            change(&mut found);
            found
        };
        let stages = [
            (
                found(&|f| f.library = Library::Disabled),
                "disabled",
                "EFY_CUDA_LIB=none",
                "unset EFY_CUDA_LIB",
            ),
            (
                found(&|f| (f.library, f.named) = (missing(), Some("libx.so".to_owned()))),
                "not_installed",
                "EFY_CUDA_LIB names cannot be loaded: libcusparse",
                "unset EFY_CUDA_LIB",
            ),
            (
                found(&|f| (f.library, f.driver) = (missing(), None)),
                "not_installed",
                "not installed (libcusparse.so.12",
                "version 580 or newer, which was not found either, then run `just setup-gpu`",
            ),
            (
                found(&|f| f.library = missing()),
                "not_installed",
                "not installed (libcusparse.so.12",
                "install them with `just setup-gpu`",
            ),
            (
                found(&|f| f.driver = None),
                "no_driver",
                "no NVIDIA driver",
                "version 580 or newer; in a container, start it with --gpus all",
            ),
            (
                found(&|f| {
                    f.driver = Some("550.54.15".to_owned());
                    f.known_to_driver = Some((12, 4));
                }),
                "driver_too_old",
                "(550.54.15) knows CUDA 12.4, this libtorch is built for CUDA 13.0",
                "install the NVIDIA driver, version 580 or newer",
            ),
            (
                found(&|f| f.visible = Some(String::new())),
                "hidden",
                "CUDA_VISIBLE_DEVICES=\"\"",
                "`nvidia-smi -L`",
            ),
            (
                found(&|_| {}),
                "no_device",
                "(580.65.06) offers no device",
                "`nvidia-smi`",
            ),
        ];
        for (found, name, what, next) in stages {
            assert_eq!(found.state().name(), name);
            let (told, advice) = (found.explain(), found.next().unwrap());
            assert!(told.contains(what), "{name}: {told}");
            assert!(advice.contains(next), "{name}: {advice}");
            for line in [told, advice] {
                assert!(!line.contains('\n') && !line.ends_with('.'), "{line}");
            }
        }
    }

    #[test]
    fn devices_count_whatever_else_was_found() {
        let odd = Found {
            library: Library::Disabled,
            driver: None,
            devices: 2,
            ..usable()
        };
        assert_eq!(odd.state(), CudaState::Usable);
        assert_eq!(odd.explain(), "CUDA is usable: 2 devices");
        assert_eq!(odd.next(), None);
    }

    #[test]
    fn a_driver_of_the_same_major_version_is_not_too_old_and_an_unknown_one_neither() {
        for known in [Some((13, 0)), Some((14, 1)), None] {
            let found = Found {
                devices: 0,
                built_for: Some((13, 2)),
                known_to_driver: known,
                ..usable()
            };
            assert_eq!(found.state(), CudaState::NoDevice, "{known:?}");
        }
    }
}
