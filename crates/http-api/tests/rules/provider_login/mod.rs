//! Signing in with an outside provider, over real HTTP: what a browser does, and what attackers try.

mod attacks;
mod browser;
mod callback;
mod cookies;
mod failures;
mod logout;
mod start;
