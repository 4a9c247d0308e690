//! Compiles the stand-in, once for each source, libtorch and compiler.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::Unavailable;

const NAME: &str = "libefy_cuda_stand_in.so";
/// The first one is compiled, and includes the others.
const SOURCES: [(&str, &str); 4] = [
    ("stand_in.cpp", include_str!("../cpp/stand_in.cpp")),
    ("judge.h", include_str!("../cpp/judge.h")),
    ("device.h", include_str!("../cpp/device.h")),
    ("counts.h", include_str!("../cpp/counts.h")),
];
const FLAGS: [&str; 6] = [
    "-std=c++20",
    "-O1",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-D_GLIBCXX_USE_CXX11_ABI=1",
];

/// Path of the library. Processes that ask at once wait for the one that builds.
pub(crate) fn library() -> Result<PathBuf, Unavailable> {
    if !cfg!(target_os = "linux") {
        return Err(Unavailable::System);
    }
    let lib = Path::new(option_env!("EFY_STAND_IN_LIBTORCH_LIB").unwrap_or("libtorch/lib"));
    let headers = lib.with_file_name("include");
    if !headers.join("ATen/ATen.h").is_file() {
        return Err(Unavailable::Headers(lib.to_owned()));
    }
    build(&target().join("efy-stand-in"), &compiler()?, lib)
}

fn build(folder: &Path, compiler: &Compiler, lib: &Path) -> Result<PathBuf, Unavailable> {
    let headers = lib.with_file_name("include");
    let failed = |error: io::Error| Unavailable::Build(format!("{}: {error}", folder.display()));
    let fingerprint = fingerprint(compiler, lib).map_err(failed)?;
    let library = folder.join(fingerprint).join(NAME);
    if library.is_file() {
        return Ok(library);
    }
    fs::create_dir_all(folder).map_err(failed)?;
    let lock = File::create(folder.join("lock")).map_err(failed)?;
    lock.lock().map_err(failed)?;
    if library.is_file() {
        return Ok(library);
    }
    // Built in a folder of its own, which gets its name when it is whole.
    let beside = tempfile::tempdir_in(folder).map_err(failed)?;
    for (name, text) in SOURCES {
        fs::write(beside.path().join(name), text).map_err(failed)?;
    }
    let output = Command::new(&compiler.name)
        .current_dir(beside.path())
        .args(FLAGS)
        .arg("-isystem")
        .arg(&headers)
        .arg("-isystem")
        .arg(headers.join("torch/csrc/api/include"))
        .args([SOURCES[0].0, "-o", NAME, "-ltorch_cpu", "-lc10"])
        .arg("-L")
        .arg(lib)
        .arg(format!("-Wl,-rpath,{}", lib.display()))
        .output()
        .map_err(failed)?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Unavailable::Build(text));
    }
    let place = library.with_file_name("");
    // What is there without a library is of somebody who deleted it.
    let _ = fs::remove_dir_all(&place);
    fs::rename(beside.keep(), &place).map_err(failed)?;
    Ok(library)
}

struct Compiler {
    name: String,
    version: Vec<u8>,
}

/// `$CXX`, else `g++`, else `clang++`.
fn compiler() -> Result<Compiler, Unavailable> {
    let chosen = std::env::var("CXX").ok().filter(|name| !name.is_empty());
    let names = chosen.map_or(vec!["g++".to_owned(), "clang++".to_owned()], |name| {
        vec![name]
    });
    let tried = names.iter().find_map(|name| {
        let output = Command::new(name).arg("--version").output().ok()?;
        output.status.success().then(|| Compiler {
            name: name.clone(),
            version: output.stdout,
        })
    });
    tried.ok_or_else(|| Unavailable::Compiler(names.join(", ")))
}

/// Of everything that the library is made from. libtorch is told by the size and the time of its largest part: reading
/// it would take longer than the build.
fn fingerprint(compiler: &Compiler, lib: &Path) -> io::Result<String> {
    let torch = fs::metadata(lib.join("libtorch_cpu.so"))?;
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    for (name, text) in SOURCES {
        add(name.as_bytes());
        add(text.as_bytes());
    }
    add(FLAGS.join(" ").as_bytes());
    add(compiler.name.as_bytes());
    add(&compiler.version);
    add(lib.as_os_str().as_encoded_bytes());
    add(&torch.len().to_le_bytes());
    add(format!("{:?}", torch.modified()?).as_bytes());
    let digest = hash.finalize();
    Ok(digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Where cargo builds.
fn target() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let workspace = workspace.canonicalize().unwrap_or(workspace);
    workspace.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_build_with_the_same_parts_is_none() {
        let Some(first) = crate::library_or_skip() else {
            return;
        };
        let changed = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
        let before = changed(first);
        let again = library().unwrap();
        assert_eq!(again, first);
        assert_eq!(changed(&again), before);
    }

    /// A compiler that notes its runs and takes a while.
    fn slow_compiler(folder: &Path) -> Compiler {
        use std::os::unix::fs::PermissionsExt as _;
        let script = folder.join("c++");
        let runs = folder.join("runs");
        let text = format!(
            "#!/bin/sh\necho run >> {}\nsleep 0.3\necho library > {NAME}\n",
            runs.display()
        );
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        Compiler {
            name: script.display().to_string(),
            version: b"1".to_vec(),
        }
    }

    #[test]
    fn those_that_ask_at_once_wait_for_one_build_and_a_change_asks_for_another() {
        let scratch = tempfile::tempdir().unwrap();
        let mut compiler = slow_compiler(scratch.path());
        let lib = Path::new(env!("EFY_STAND_IN_LIBTORCH_LIB"));
        let folder = scratch.path().join("target");
        let runs = || fs::read_to_string(scratch.path().join("runs")).unwrap();
        std::thread::scope(|scope| {
            let ask = || build(&folder, &compiler, lib).unwrap();
            let threads = [0; 3].map(|_| scope.spawn(ask));
            let paths = threads.map(|thread| thread.join().unwrap());
            assert!(paths.iter().all(|path| *path == paths[0]));
            assert_eq!(fs::read_to_string(&paths[0]).unwrap(), "library\n");
        });
        assert_eq!(runs(), "run\n");
        let first = build(&folder, &compiler, lib).unwrap();
        assert_eq!(runs(), "run\n");
        compiler.version = b"2".to_vec();
        assert_ne!(build(&folder, &compiler, lib).unwrap(), first);
        assert_eq!(runs(), "run\nrun\n");
    }

    #[test]
    fn what_the_compiler_says_is_the_reason_of_a_failed_build() {
        use std::os::unix::fs::PermissionsExt as _;
        let scratch = tempfile::tempdir().unwrap();
        let script = scratch.path().join("c++");
        fs::write(
            &script,
            "#!/bin/sh\necho 'error: no such thing' >&2\nexit 1\n",
        )
        .unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let compiler = Compiler {
            name: script.display().to_string(),
            version: Vec::new(),
        };
        let lib = Path::new(env!("EFY_STAND_IN_LIBTORCH_LIB"));
        let folder = scratch.path().join("target");
        let error = build(&folder, &compiler, lib).unwrap_err();
        assert!(!error.is_for_want_of_tools());
        assert!(error.to_string().contains("no such thing"), "{error}");
        // Nothing half done stays.
        let left: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(left, ["lock"]);
    }
}
