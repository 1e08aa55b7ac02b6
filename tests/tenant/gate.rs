//! A gate before a tenant: a port that leads there while it is open. Behind one that is closed nobody is there, though
//! the tenant knows all that it knew.

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

/// It is closed with this value.
pub(crate) struct Gate {
    pub(crate) port: u16,
    leads_to: u16,
    open: Option<Open>,
}

struct Open {
    is_over: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    thread: JoinHandle<()>,
}

impl Gate {
    /// An open one.
    pub(crate) fn new(leads_to: u16) -> io::Result<Self> {
        let mut gate = Self { port: 0, leads_to, open: None };
        gate.open()?;
        Ok(gate)
    }

    /// Opens it, at the port that it had before.
    pub(crate) fn open(&mut self) -> io::Result<()> {
        let listener = TcpListener::bind(("127.0.0.1", self.port))?;
        self.port = listener.local_addr()?.port();
        let is_over = Arc::new(AtomicBool::new(false));
        let streams = Arc::new(Mutex::new(Vec::new()));
        let (over, known, leads_to) = (Arc::clone(&is_over), Arc::clone(&streams), self.leads_to);
        let thread = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                let _ = pass(stream, leads_to, &known);
            }
        });
        self.open = Some(Open { is_over, streams, thread });
        Ok(())
    }

    /// Closes it, with every connection that goes through it.
    pub(crate) fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        open.is_over.store(true, Ordering::SeqCst);
        // What waits for a connection hears of it by one.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = open.thread.join();
        for stream in &*open.streams.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.close();
    }
}

fn pass(stream: TcpStream, leads_to: u16, known: &Mutex<Vec<TcpStream>>) -> io::Result<()> {
    let other = TcpStream::connect(("127.0.0.1", leads_to))?;
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    known.extend([stream.try_clone()?, other.try_clone()?]);
    let ways = [(stream.try_clone()?, other.try_clone()?), (other, stream)];
    for (mut from, mut to) in ways {
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}
