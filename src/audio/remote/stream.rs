//! A connection between the two ends: a Unix socket, or TCP on the loopback where sockets cannot be forwarded.
//!
//! Deliberately absent: other addresses. Nothing here is reached, or reaches out, over a network; ssh carries the bytes.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where a companion is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket.
    Socket(PathBuf),
    /// A port of 127.0.0.1.
    Port(u16),
}

/// An open connection.
#[derive(Debug)]
pub enum Stream {
    /// Over a Unix socket.
    Unix(UnixStream),
    /// Over TCP on the loopback.
    Tcp(TcpStream),
}

impl Address {
    /// `tcp:PORT`, or a path.
    pub fn parse(text: &str) -> Option<Address> {
        match text.strip_prefix("tcp:") {
            Some(port) => Some(Address::Port(port.parse().ok().filter(|port| *port != 0)?)),
            None => Some(Address::Socket(Path::new(text).to_owned())).filter(|_| text.starts_with('/')),
        }
    }

    /// Connects.
    ///
    /// # Errors
    /// The operating system's.
    pub fn connect(&self) -> io::Result<Stream> {
        match self {
            Address::Socket(path) => Ok(Stream::Unix(UnixStream::connect(path)?)),
            Address::Port(port) => {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, *port))?;
                // A key's sound must not wait for more bytes to travel with.
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
        }
    }
}

impl Stream {
    /// Another handle to the same connection.
    ///
    /// # Errors
    /// The operating system's.
    pub fn try_clone(&self) -> io::Result<Stream> {
        Ok(match self {
            Stream::Unix(stream) => Stream::Unix(stream.try_clone()?),
            Stream::Tcp(stream) => Stream::Tcp(stream.try_clone()?),
        })
    }

    /// Ends the connection for all its handles; a read or write that waits returns.
    pub fn end(&self) {
        // An end that is there already is as good.
        let _ = match self {
            Stream::Unix(stream) => stream.shutdown(Shutdown::Both),
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Both),
        };
    }

    /// How long a read and a write may wait; `None` = for ever.
    ///
    /// # Errors
    /// The operating system's.
    pub fn set_patience(&self, read: Option<Duration>, write: Option<Duration>) -> io::Result<()> {
        match self {
            Stream::Unix(stream) => stream.set_read_timeout(read).and_then(|()| stream.set_write_timeout(write)),
            Stream::Tcp(stream) => stream.set_read_timeout(read).and_then(|()| stream.set_write_timeout(write)),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => stream.read(buffer),
            Stream::Tcp(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => stream.write(buffer),
            Stream::Tcp(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_port_or_a_whole_path() {
        assert_eq!(Address::parse("tcp:4711"), Some(Address::Port(4711)));
        assert_eq!(Address::parse("/tmp/x/s"), Some(Address::Socket("/tmp/x/s".into())));
        assert_eq!(["tcp:", "tcp:0", "tcp:70000", "x/s", ""].map(Address::parse), [None, None, None, None, None]);
    }
}
