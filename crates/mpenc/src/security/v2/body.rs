//! Bodies as the session knows them, and as they travel.

use mpenc_packet::v2;

use super::Body;

pub(super) fn encodable(body: &Body) -> v2::Body {
    match body {
        Body::Payload(text) => v2::Body::Payload(text.clone()),
        Body::ExplicitAck { manual } => v2::Body::ExplicitAck { manual: *manual },
        Body::Consistency { close } => v2::Body::Consistency { close: *close },
        Body::Heartbeat => v2::Body::Heartbeat,
        Body::OrderConfirmation(id) => v2::Body::OrderConfirmation(*id),
        Body::Absence { away } => v2::Body::Absence { away: *away },
        Body::Error { code, subject } => v2::Body::Error { code: *code, subject: *subject },
        Body::Part(part) => v2::Body::Part(part.clone()),
        Body::Close => v2::Body::Close,
        Body::Opaque { kind, bytes } => v2::Body::Opaque { kind: *kind, bytes: bytes.clone() },
    }
}

pub(super) fn decoded(body: v2::Body) -> Body {
    match body {
        v2::Body::Payload(text) => Body::Payload(text),
        v2::Body::ExplicitAck { manual } => Body::ExplicitAck { manual },
        v2::Body::Consistency { close } => Body::Consistency { close },
        v2::Body::Heartbeat => Body::Heartbeat,
        v2::Body::OrderConfirmation(id) => Body::OrderConfirmation(id),
        v2::Body::Absence { away } => Body::Absence { away },
        v2::Body::Error { code, subject } => Body::Error { code, subject },
        v2::Body::Part(part) => Body::Part(part),
        v2::Body::Close => Body::Close,
        v2::Body::Opaque { kind, bytes } => Body::Opaque { kind, bytes },
    }
}
