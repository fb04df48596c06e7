//! Whatever happens, the bench leaves no program behind.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::process::{self, Outcome};
use crate::stopwatch::Stopwatch;

static STARTED: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// How long a program may take over an orderly end.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Ends the process with this number if the bench is interrupted while the guard lives.
pub(super) fn ends(process: u32) -> Guard {
    started().push(process);
    Guard(process)
}

#[derive(Debug)]
pub(super) struct Guard(u32);

impl Drop for Guard {
    fn drop(&mut self) {
        started().retain(|process| *process != self.0);
    }
}

/// Waits for Ctrl-C or SIGTERM on a thread of its own, ends all programs and then this one.
pub(super) fn watch() -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        )
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        end_all();
        std::process::exit(130);
    });
    Ok(())
}

fn end_all() {
    // Held to the end, so that the bench starts nothing more meanwhile.
    let started = started();
    eprintln!("interrupted; ending {} programs", started.len());
    for process in started.iter() {
        let _ = process::signal("TERM", &process.to_string());
    }
    let watch = Stopwatch::start();
    while watch.elapsed() < PATIENCE && started.iter().any(|process| is_running(*process)) {
        std::thread::sleep(Duration::from_millis(50));
    }
    for process in started.iter().filter(|process| is_running(**process)) {
        let _ = process::signal("KILL", &process.to_string());
    }
}

/// False for one that has ended and only waits to be looked at.
fn is_running(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z "))
}

fn started() -> MutexGuard<'static, Vec<u32>> {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner)
}
