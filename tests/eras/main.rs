//! Our client with our server, in every pair of eras and over both transports: the compatibility matrix of the
//! specification, and handlers that cannot tell which revision is spoken.

#[cfg(test)]
mod handlers;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod party;
