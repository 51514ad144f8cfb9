use std::net::TcpStream;

use crate::program::relay;

#[test]
fn a_relay_listens_where_it_says_and_stops_when_asked() {
    let (relay, url) = relay();
    TcpStream::connect(url.trim_start_matches("ws://")).unwrap();
    #[cfg(unix)]
    {
        relay.signal("INT");
        let (status, text) = relay.end();
        assert_eq!(status, Some(0), "{text}");
        assert!(text.contains("relay: stopped after 0 packets"), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn a_relay_stops_when_the_system_asks() {
    let (relay, _) = relay();
    relay.signal("TERM");
    assert_eq!(relay.end().0, Some(0));
}
