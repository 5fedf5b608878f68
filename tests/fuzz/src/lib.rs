//! What the targets hold the program against: slow, plain readers that share no code with it.

pub mod claims;
pub mod demand;
pub mod json;
pub mod jws;
pub mod message;
pub mod mutation;
pub mod nova;
pub mod signer;
pub mod wildcard;
