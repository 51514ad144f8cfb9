//! A server that the program starts for itself.

use serde_json::Value;

use crate::program::{last_line, run, stderr};
use crate::stranger::SCENE;

#[test]
fn people_lose_their_connection_and_come_back() {
    for (profile, seed) in [("v1", "1"), ("v2", "2")] {
        let chaos = ["replay", SCENE, "--xmpp", "--chaos", seed, "--profile", profile, "--json"];
        let output = run(&chaos);
        assert_eq!(output.status.code(), Some(0), "{}\n{}", last_line(&output), stderr(&output));
        let object: Value = serde_json::from_str(&last_line(&output)).unwrap();
        assert_eq!(object["transcripts_equal"], true, "{object}");
        assert_eq!(object["content_equal"], true, "{object}");
        assert_eq!(object["fully_acked"], 60, "{object}");
        // Each who was lost was excluded and included again; who was interrupted was not missed.
        assert!(object["operations"].as_u64().unwrap() > 10, "{object}");
        assert!(object["disconnections"].as_u64().unwrap() >= 5, "{object}");
    }
}
