//! Still cameras that speak PTP.

pub mod packet;
