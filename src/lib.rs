//! actiongate: an authorizing reverse-proxy gateway for compute APIs.
//!
//! A request is routed to an operation of the action table, the operation's actions are held
//! against what the caller's token grants, and only a permitted request reaches the upstream.
//! [`gateway`] reads as that list.
//!
//! A module imports only modules before it in this list, and `tests/architecture.rs` holds us to
//! it: telemetry, file, document, json, tls, table, token, revocation, trace, grant, router, decision, audit, metrics,
//! proxy, gateway, server, authorizer, admin, config, app, cli.

pub mod admin;
pub mod app;
pub mod audit;
pub mod authorizer;
pub mod cli;
pub mod config;
pub mod decision;
pub mod document;
pub mod file;
pub mod gateway;
pub mod grant;
pub mod json;
pub mod metrics;
pub mod proxy;
pub mod revocation;
pub mod router;
pub mod server;
pub mod table;
pub mod telemetry;
pub mod tls;
pub mod token;
pub mod trace;
