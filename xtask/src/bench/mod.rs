//! `cargo xtask bench`: the release server beside a bare axum route, in one run.
//!
//! Only ratios within one run mean anything: machines differ, and a shared one drifts. So each
//! path is measured in rounds, each time next to a bare route that answers the same bytes to the
//! same requests.

#[cfg(feature = "bench")]
mod bare;
#[cfg(feature = "bench")]
mod chance;
#[cfg(feature = "bench")]
mod client;
#[cfg(feature = "bench")]
mod filling;
#[cfg(feature = "bench")]
mod full;
#[cfg(feature = "bench")]
mod interrupt;
#[cfg(feature = "bench")]
mod load;
#[cfg(feature = "bench")]
mod options;
#[cfg(feature = "bench")]
mod paths;
#[cfg(feature = "bench")]
mod population;
#[cfg(feature = "bench")]
mod redis;
#[cfg(feature = "bench")]
mod report;
#[cfg(feature = "bench")]
mod rounds;
#[cfg(feature = "bench")]
mod server;
#[cfg(feature = "bench")]
mod traffic;
#[cfg(feature = "bench")]
mod wrk;

use std::os::unix::process::CommandExt;

use crate::process::{self, Failure, Outcome};

#[cfg(feature = "bench")]
pub(crate) use bare::run as bare;
#[cfg(feature = "bench")]
pub(crate) use rounds::run as measure;

/// Starts over as a release build with what only the bench needs. The process is replaced, so that
/// whoever interrupts it reaches the one that has to clean up.
pub(crate) fn run(args: &[String]) -> Outcome {
    let error = process::cargo()
        .args([
            "run",
            "--release",
            "--package",
            "xtask",
            "--features",
            "bench",
            "--",
        ])
        .arg("bench-measure")
        .args(args)
        .exec();
    Err(Failure::new(format!("cargo could not be started: {error}")))
}

#[cfg(not(feature = "bench"))]
pub(crate) fn measure(_: &[String]) -> Outcome {
    Err(Failure::new(
        "built without the feature `bench`; call `cargo xtask bench`",
    ))
}

#[cfg(not(feature = "bench"))]
pub(crate) fn bare(args: &[String]) -> Outcome {
    measure(args)
}
