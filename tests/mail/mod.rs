//! Mail as real programs handle it: dovecot, which is an IMAP server, and maildev, an SMTP server with an HTTP API.
//! Each is a process of its own, and its port is free when it is asked for. `tests/run` installs them.
#![allow(dead_code, reason = "each program of tests uses a part of it")]

pub(crate) mod dovecot;
pub(crate) mod maildev;
pub(crate) mod smtp;

use std::{
    net::TcpListener,
    process::{Child, Command},
};

/// Ports of loopback that nobody listened on a moment ago.
fn free_ports<const N: usize>() -> std::io::Result<[u16; N]> {
    let mut ports = [0; N];
    let mut listeners = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

/// Ends a process with its own, the group of which it leads: dovecot's go on serving connections without it.
fn end(child: &mut Child) {
    if let Ok(None) = child.try_wait() {
        let group = format!("-{}", child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = child.wait();
    }
}
