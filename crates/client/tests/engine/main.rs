//! The client engine against a scripted transport: every message is the test's own.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod input;
#[cfg(test)]
mod legacy;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod subscriptions;
#[cfg(test)]
mod tasks;
#[cfg(test)]
mod time;
