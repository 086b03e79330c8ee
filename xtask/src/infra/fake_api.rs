//! The users' API on this machine: as many users as are asked for, each with an id and an address of nobody.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

/// Answers on a port of 127.0.0.1 as long as the task runs; gives its URL.
pub(crate) fn serve() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/", listener.local_addr()?);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever hangs up early asked for nothing.
            let _ = answer(stream);
        }
    });
    Ok(url)
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let asked = lines.next().transpose()?.unwrap_or_default();
    // The rest of the head is nobody's business, and has to be read before the answer.
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let body = page(number(&asked, "results=").unwrap_or(1), number(&asked, "page=").unwrap_or(1));
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn number(asked: &str, name: &str) -> Option<usize> {
    let (_, value) = asked.split_once(name)?;
    value.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn page(users: usize, page: usize) -> String {
    let mut body = String::from("{\"results\":[");
    for user in 0..users {
        let comma = if user == 0 { "" } else { "," };
        let _ = write!(
            body,
            "{comma}{{\"gender\":\"female\",\"email\":\"nobody{user}@example.com\",\
             \"login\":{{\"uuid\":\"00000000-0000-4000-8000-{page:04}{user:08}\"}}}}"
        );
    }
    let _ = write!(
        body,
        "],\"info\":{{\"seed\":\"fake\",\"results\":{users},\"page\":{page},\"version\":\"1.4\"}}}}"
    );
    body
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn as_many_users_as_are_asked_for() {
        let url = serve().unwrap();
        let mut stream = TcpStream::connect(url.trim_start_matches("http://").trim_end_matches('/')).unwrap();
        stream.write_all(b"GET /?results=3&seed=a&page=2 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut told = String::new();
        stream.read_to_string(&mut told).unwrap();
        let body: serde_json::Value = serde_json::from_str(told.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(body["results"].as_array().unwrap().len(), 3);
        assert_eq!((body["info"]["page"].as_u64(), told.starts_with("HTTP/1.1 200")), (Some(2), true));
    }
}
