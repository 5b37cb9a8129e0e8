//! Just enough HTTP/1.1 to serve one page to one browser: bounded requests in, whole answers out.
//!
//! Deliberately absent: everything else of HTTP: chunked bodies, ranges, compression, TLS (the address is this host's own, or
//! comes through SSH).

use std::io::{BufRead, Read, Write};

/// Bytes of a request's head, and of its body.
const HEAD: u64 = 8 << 10;
const BODY: usize = 2 << 10;

/// A request, as far as anything is made of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Request {
    pub method: String,
    pub path: String,
    /// After the `?`, as it came.
    pub query: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// An answer; the length is told by itself.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: &'static str,
    pub kind: &'static str,
    pub body: Vec<u8>,
}

/// Why a request is not answered in kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    /// The connection ended, or broke.
    Gone,
    /// Not HTTP, or more of it than is taken.
    Request(&'static str),
}

impl Request {
    /// Reads one request.
    ///
    /// # Errors
    /// See [`Bad`].
    pub(super) fn read(input: &mut impl BufRead) -> Result<Request, Bad> {
        let mut head = input.by_ref().take(HEAD);
        let first = line(&mut head)?;
        let mut words = first.split(' ');
        let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Bad::Request("400 Bad Request"));
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
        let mut request = Request { method, path, query, ..Request::default() };
        loop {
            let line = line(&mut head)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or(Bad::Request("400 Bad Request"))?;
            request.headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        request.body = vec![0; request.length()?];
        input.read_exact(&mut request.body).map_err(|_| Bad::Gone)?;
        Ok(request)
    }

    /// The value of a header, by its name in lower case; that of the first, should it come twice.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of `name=value` in the query.
    pub(super) fn asked(&self, name: &str) -> Option<&str> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    fn length(&self) -> Result<usize, Bad> {
        if self.header("transfer-encoding").is_some() {
            return Err(Bad::Request("411 Length Required"));
        }
        let length = self.header("content-length").map_or(Ok(0), str::parse);
        let length: usize = length.map_err(|_| Bad::Request("400 Bad Request"))?;
        if length > BODY { Err(Bad::Request("413 Content Too Large")) } else { Ok(length) }
    }

    /// Whether it was sent to this host under one of its own names, and not by a page of another: a name that a stranger made
    /// point here (DNS rebinding) is none of them.
    pub(super) fn is_ours(&self) -> bool {
        let own = |host: &str| ["127.0.0.1", "localhost", "[::1]"].contains(&without_port(host));
        let origin = |origin: &str| {
            let host = origin.strip_prefix("http://").or(origin.strip_prefix("https://"));
            host.is_some_and(|host| Some(host) == self.header("host"))
        };
        self.header("host").is_some_and(own) && self.header("origin").is_none_or(origin)
    }
}

impl Answer {
    /// Nothing but a status.
    pub(super) fn empty(status: &'static str) -> Answer {
        Answer { status, kind: "text/plain", body: Vec::new() }
    }

    /// Writes it all.
    ///
    /// # Errors
    /// The connection's.
    pub(super) fn write(&self, to: &mut impl Write) -> std::io::Result<()> {
        let head = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; \
             frame-ancestors 'none'; base-uri 'none'\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\r\n",
            self.status,
            self.kind,
            self.body.len()
        );
        to.write_all(head.as_bytes())?;
        to.write_all(&self.body)?;
        to.flush()
    }
}

/// A line without its end.
fn line(head: &mut impl BufRead) -> Result<String, Bad> {
    let mut bytes = Vec::new();
    head.read_until(b'\n', &mut bytes).map_err(|_| Bad::Gone)?;
    if bytes.pop() != Some(b'\n') {
        return Err(if bytes.is_empty() { Bad::Gone } else { Bad::Request("431 Request Header Fields Too Large") });
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    String::from_utf8(bytes).map_err(|_| Bad::Request("400 Bad Request"))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{ProptestConfig, any, proptest};

    const POST: &str = "POST /report?page=a&x=1 HTTP/1.1\r\nHost: localhost:8080\r\nOrigin: http://localhost:8080\r\n\
                        X-Secret: s\r\nContent-Length: 4\r\n\r\nbody";

    fn read(bytes: &[u8]) -> Result<Request, Bad> {
        Request::read(&mut &bytes[..])
    }

    #[test]
    fn a_request_is_taken_apart() {
        let request = read(POST.as_bytes());
        let request = request.as_ref();
        assert_eq!(
            request.map(|r| (r.method.as_str(), r.path.as_str(), &r.body[..])),
            Ok(("POST", "/report", &b"body"[..]))
        );
        assert_eq!(
            request.map(|r| (r.asked("x"), r.asked("y"), r.header("x-secret"))),
            Ok((Some("1"), None, Some("s")))
        );
        assert_eq!(request.map(Request::is_ours), Ok(true));
    }

    #[test]
    fn what_is_too_much_or_no_http_is_refused() {
        let long = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(9_000));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(2_000));
        let table = [
            ("", Bad::Gone),
            ("GET / HTTP/1.1\r\nHost: a", Bad::Request("431 Request Header Fields Too Large")),
            (&long, Bad::Request("431 Request Header Fields Too Large")),
            ("GET /\r\n\r\n", Bad::Request("400 Bad Request")),
            ("GET / HTTP/2\r\n\r\n", Bad::Request("400 Bad Request")),
            ("GET / HTTP/1.1\r\nno colon\r\n\r\n", Bad::Request("400 Bad Request")),
            ("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", Bad::Request("400 Bad Request")),
            ("POST / HTTP/1.1\r\nContent-Length: 4294967296\r\n\r\n", Bad::Request("413 Content Too Large")),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", Bad::Request("411 Length Required")),
            ("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nshort", Bad::Gone),
        ];
        for (bytes, bad) in table {
            assert_eq!(read(bytes.as_bytes()), Err(bad), "{bytes:.40}");
        }
        assert!(read(many.as_bytes()).is_err(), "lines without end");
    }

    #[test]
    fn other_names_of_this_host_and_other_origins_are_strangers() {
        let table = [
            ("Host: 127.0.0.1:4000", true),
            ("Host: localhost", true),
            ("Host: [::1]:4000", true),
            ("Host: evil.example:4000", false),
            ("Host: 127.0.0.1.evil.example", false),
            ("X: y", false),
            ("Host: 127.0.0.1:4000\r\nOrigin: http://127.0.0.1:4000", true),
            ("Host: 127.0.0.1:4000\r\nOrigin: http://127.0.0.1:4001", false),
            ("Host: 127.0.0.1:4000\r\nOrigin: null", false),
        ];
        for (headers, ours) in table {
            let request = read(format!("GET / HTTP/1.1\r\n{headers}\r\n\r\n").as_bytes());
            assert_eq!(request.map(|request| request.is_ours()), Ok(ours), "{headers}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

        #[test]
        fn mutated_requests_are_a_request_or_refused(
            changes in proptest::collection::vec((any::<usize>(), any::<u8>(), 0..3_u8), 1..8)
        ) {
            let mut bytes = POST.as_bytes().to_vec();
            for (place, byte, how) in changes {
                let place = place % bytes.len().max(1);
                match how {
                    0 => bytes.insert(place, byte),
                    1 => bytes.truncate(place),
                    _ => bytes.iter_mut().skip(place).take(1).for_each(|at| *at = byte),
                }
            }
            if let Ok(request) = read(&bytes) {
                assert!(request.body.len() <= BODY && request.path.len() <= bytes.len());
            }
        }
    }
}
