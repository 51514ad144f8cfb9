//! Everything secret that a greeter has in memory, for attacks in tests (feature `inspect`).
//!
//! Each type is taken apart in full, so that whoever adds a field has to say here whether it is
//! secret.

use mpenc_crypto::{BroadcastSuite, SigningKey};

use super::BroadcastGreeter;
use super::begin::Proposal;
use super::commit::{Agreement, Committed, Completed};
use super::hedge::Hedge;
use super::ring::Keys;
use super::running::{Following, Running};
use super::state::{Agreed, Confirming, Own, Secrets, Sharing, Step};

/// Is told each secret, with what it is.
type Found<'a> = &'a mut dyn FnMut(&'static str, &[u8]);

impl<S: BroadcastSuite> BroadcastGreeter<S> {
    pub(super) fn reveal_all(&self, found: Found<'_>) {
        let Self {
            owner: _,
            identity,
            own_key: _,
            label: _,
            hedge,
            directory: _,
            committed,
            proposal,
            running,
            contributed: _,
            // A judgement holds what the packet says.
            memo: _,
        } = self;
        seed("identity", &**identity, found);
        let Hedge { key, instance: _, number: _ } = hedge;
        found("hedging key", key.expose());
        if let Some(Committed { members: _, identities: _, exporter }) = committed {
            found("exporter", exporter.expose());
        }
        if let Some(Proposal { secrets: Some(secrets), .. }) = proposal {
            secrets.reveal(found);
        }
        match running {
            Running::Idle | Running::Stuck(_) => {}
            Running::Following(following) => following.reveal(found),
            Running::Complete(completed) => {
                let Completed { plan: _, identities: _, sid: _, result } = &**completed;
                if let Some(Agreement { transcript: _, authors: _, statements: _, own }) = result {
                    own.reveal(found);
                }
            }
        }
    }
}

impl<S: BroadcastSuite> Following<S> {
    fn reveal(&self, found: Found<'_>) {
        let Self { context: _, step, salt } = self;
        found("salt", salt.expose());
        match step {
            Step::Contributing(step) => {
                if let Some(secrets) = step.secrets() {
                    secrets.reveal(found);
                }
            }
            Step::Sharing(Sharing { secrets, .. }) => {
                if let Some(secrets) = secrets {
                    secrets.reveal(found);
                }
            }
            Step::Confirming(Confirming { agreed, .. }) => {
                let Agreed { transcript: _, authors: _, own } = agreed;
                if let Some(own) = own {
                    own.reveal(found);
                }
            }
        }
    }
}

impl<S: BroadcastSuite> Secrets<S> {
    fn reveal(&self, found: Found<'_>) {
        let Self { scalar, signer } = self;
        found("contribution", S::scalar_bytes(scalar).expose());
        seed("ephemeral", &**signer, found);
    }
}

impl<S: BroadcastSuite> Own<S> {
    fn reveal(&self, found: Found<'_>) {
        let Self { keys: Keys { check: _, exporter, root }, signer } = self;
        found("exporter", exporter.expose());
        found("root", root.expose());
        seed("ephemeral", &**signer, found);
    }
}

fn seed(what: &'static str, key: &dyn SigningKey, found: Found<'_>) {
    if let Some(seed) = key.seed() {
        found(what, seed.expose());
    }
}
