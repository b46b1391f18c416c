//! The service: REST, event streams, WebSockets and the dashboard.
//!
//! [`bind`] opens the addresses, [`serve`] answers there until told to stop.
//! Every request takes one way (`dispatch`): host, route, role, origin, handler.
//! Connections, heads, bodies, messages and waiting times are all bounded; what
//! exceeds a bound gets a sentence, and nobody else notices.

mod assets;
mod auth;
mod bind;
mod camera_desk;
mod connection;
mod context;
mod dispatch;
mod error;
mod figures;
mod file;
mod guard;
mod io;
mod limits;
mod query;
mod request;
mod response;
mod rest;
mod route;
mod routes;
mod sdk;
mod server;
mod settings;
mod spec;
mod sse;
mod throttle;
pub mod wire;
mod ws;

pub use bind::{BindError, bind};
pub use camera_desk::CameraDesk;
pub use context::{ApiContext, ApiHandles, MakeWork, Shutdown, SystemStatusSource, Tune};
pub use figures::{
    Configured, ConfiguredCamera, ConfiguredSource, OpenBatch, PipelineFigures, PipelineSource,
    StorageFigures, StorageSource,
};
pub use server::serve;
pub use settings::{ApiKey, ApiSettings, Role};
