//! One order for everybody, with everybody's own packets in it.

use mpenc_relay::RelayConfig;

use crate::raw::{Got, Raw};
use crate::support::{TestRelay, next, send};
use tokio_tungstenite::tungstenite::Message;

//= docs/spec/protocol.md#CHN-005
//= type=test
//= docs/spec/protocol.md#CHN-009
//= type=test
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_senders_all_hear_the_same() {
    const MEMBERS: usize = 8;
    const PACKETS: usize = 50;
    let relay = TestRelay::start(RelayConfig::default()).await;
    let mut channels = Vec::new();
    for i in 0..MEMBERS {
        let channel = relay.enter(&format!("m{i}")).await;
        // Everybody present before anybody speaks.
        for former in &mut channels {
            assert_eq!(next(former).await, format!("+m{i}"));
        }
        channels.push(channel);
    }
    let tasks: Vec<_> = channels
        .into_iter()
        .map(|mut channel| {
            tokio::spawn(async move {
                let mut heard = Vec::new();
                for number in 0..PACKETS {
                    send(&mut channel, number.to_string().as_bytes()).await;
                    // Some at once, some in between what others say.
                    if number % 3 == 0 {
                        heard.push(next(&mut channel).await);
                    }
                }
                while heard.len() < MEMBERS * PACKETS {
                    heard.push(next(&mut channel).await);
                }
                heard
            })
        })
        .collect();
    let mut heard = Vec::new();
    for task in tasks {
        heard.push(task.await.unwrap());
    }
    for other in &heard[1..] {
        assert_eq!(*other, heard[0]);
    }
    for i in 0..MEMBERS {
        let prefix = format!("m{i}: ");
        let own: Vec<_> = heard[0].iter().filter_map(|it| it.strip_prefix(&prefix)).collect();
        let expect: Vec<_> = (0..PACKETS).map(|number| number.to_string()).collect();
        assert_eq!(own, expect, "packets of one sender keep their order");
    }
    let counts = relay.stats.counts();
    assert_eq!(counts.packets, 400, "each counted once");
    assert_eq!(counts.bytes, 8 * (10 + 40 * 2));
    assert_eq!(counts.rooms["room"].packets, 400);
    assert_eq!(counts.rooms["room"].members, 8);
    assert_eq!((counts.lagging, counts.dropped, counts.resumed), (0, 0, 0));
}

#[tokio::test]
async fn frames_are_what_the_page_says() {
    let relay = TestRelay::start(RelayConfig::default()).await;
    let mut raw = Raw::greet(&relay, "zoë").await;
    raw.send(
        &serde_json::json!({"type": "enter", "ticket": "00".repeat(16), "unknown": "ignored"}),
    )
    .await;
    let entered = raw.control().await;
    assert_eq!(entered["seq"], 1);
    assert_eq!(entered["members"][0]["name"], "zoë");
    assert_eq!(entered["members"][0]["key"].as_str().unwrap().len(), 64);
    raw.send_message(Message::binary(b"\x00\xff".to_vec())).await;
    match raw.next().await {
        Got::Packet { seq: 2, sender, bytes } => {
            assert_eq!((sender.as_str(), bytes.as_slice()), ("zoë", b"\x00\xff".as_slice()));
        }
        other => panic!("{other:?}"),
    }
    raw.send(&serde_json::json!({"type": "leave"})).await;
    let left = serde_json::json!(
        {"type": "member-left", "seq": 3, "name": "zoë", "reason": "left"}
    );
    assert_eq!(raw.control().await, left);
}

#[tokio::test]
async fn rooms_do_not_hear_each_other() {
    let relay = TestRelay::start(RelayConfig::default()).await;
    let mut channels = Vec::new();
    for room in ["one", "two"] {
        let identity = crate::support::identity("alice");
        let mut alice = relay.try_connect(room, "alice", identity).await.unwrap();
        assert_eq!(crate::support::enter(&mut alice).await, "entered alice");
        send(&mut alice, room.as_bytes()).await;
        channels.push(alice);
    }
    assert_eq!(next(&mut channels[0]).await, "alice: one");
    assert_eq!(next(&mut channels[1]).await, "alice: two");
}
