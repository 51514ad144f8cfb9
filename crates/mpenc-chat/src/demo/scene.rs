//! The scene.

use super::Director;
use crate::company::Departure;
use crate::failure::Failure;

/// The cast.
pub(super) const PEOPLE: [&str; 5] = ["Ada", "Ben", "Cleo", "Dora", "Emil"];

const ADA: usize = 0;
const BEN: usize = 1;
const CLEO: usize = 2;
const DORA: usize = 3;
const EMIL: usize = 4;

impl Director {
    /// Plays the scene from beginning to end.
    pub(super) async fn play(&mut self) -> Result<(), Failure> {
        let place = self.company.stage.place();
        self.tell(&format!(
            "It takes place on {place}, which sees who is there and sealed packets."
        ));
        self.meet().await?;
        self.newcomer().await?;
        self.eavesdropper().await?;
        self.tunnel().await?;
        self.farewell().await
    }

    async fn meet(&mut self) -> Result<(), Failure> {
        self.title("1. Ada, Ben and Cleo meet");
        self.company.open(&self.who(ADA)?).await?;
        self.tell("Ada enters the room, alone.");
        let both = [self.who(BEN)?, self.who(CLEO)?];
        self.company.include(&self.who(ADA)?, &both).await?;
        self.tell(
            "Ben and Cleo enter. Ada includes both in one operation: now the three share keys.",
        );
        let first = self.speaks(ADA, "Who comes to dinner tomorrow?").await?;
        let both = self
            .speak_at_once(&[(BEN, "I do, and I bring bread."), (CLEO, "Me too, but after eight.")])
            .await?;
        let independent = |answers: Vec<_>| answers == [first];
        let (ben, cleo) = match both.as_slice() {
            [ben, cleo] => (*ben, *cleo),
            _ => return Err(Failure::check("two lines were to be said")),
        };
        let holds =
            independent(self.answers(BEN, &ben)?) && independent(self.answers(CLEO, &cleo)?);
        self.check(
            holds,
            "Ben and Cleo wrote at the same time: both answer [1], neither the other",
        )?;
        let last = self.speaks(ADA, "Bread from Ben, Cleo after eight. Fine!").await?;
        let mut answers = self.answers(ADA, &last)?;
        answers.sort();
        let mut expected = vec![ben, cleo];
        expected.sort();
        self.check(answers == expected, "Ada had seen both: [4] answers [2] and [3]")?;
        self.acknowledged(0).await?;
        self.all_is_well().await
    }

    async fn newcomer(&mut self) -> Result<(), Failure> {
        self.title("2. Dora comes in");
        let before = self.sent.len();
        self.company.include(&self.who(BEN)?, &[self.who(DORA)?]).await?;
        self.tell("Ben includes Dora: new keys for the four.");
        self.speaks(DORA, "What have I missed?").await?;
        let mut old = Vec::new();
        for sent in self.sent.iter().take(before) {
            old.push(self.has(DORA, &sent.id)?);
        }
        self.check(!old.contains(&true), "Dora cannot read [1] to [4], from before she came")?;
        self.speaks(CLEO, "Dinner at Ada's, tomorrow.").await?;
        self.acknowledged(before).await?;
        self.all_is_well().await
    }

    async fn eavesdropper(&mut self) -> Result<(), Failure> {
        self.title("3. Emil comes in, is excluded, and listens at the door");
        let before = self.sent.len();
        self.company.include(&self.who(CLEO)?, &[self.who(EMIL)?]).await?;
        self.tell("Cleo includes Emil: new keys for the five.");
        self.speaks(EMIL, "Great, I tell everybody in town!").await?;
        self.acknowledged(before).await?;
        self.company.exclude(&self.who(ADA)?, &self.who(EMIL)?).await?;
        self.tell(
            "Ada excludes Emil: new keys for the other four, and he is sent out of the room.",
        );

        // The request to be included stays; nobody grants it.
        let lurker = self.company.stage.connect(&self.who(EMIL)?).await?;
        drop(lurker.session.join());
        let ada = self.company.actor(&self.who(ADA)?)?;
        let name = self.who(EMIL)?;
        let what = || "Emil to come back".to_owned();
        let back = |session: &mpenc::Session| {
            session.channel_members().is_some_and(|channel| channel.contains(&name))
        };
        ada.until(self.company.stage.bounds.enter, what, back).await?;
        self.tell("Emil enters the room again. Nobody includes him, but every packet reaches him.");

        let secret = self.speaks(BEN, "Emil is out. The door code is 1805.").await?;
        self.company.refresh(&self.who(BEN)?).await?;
        self.tell("Ben renews the keys of the four: a refresh.");
        let renewed = self.speaks(DORA, "Got it.").await?;
        let acknowledged = self.sent.len().saturating_sub(2);
        self.acknowledged(acknowledged).await?;

        let what = || "packets to reach Emil".to_owned();
        let heard = |_: &mpenc::Session| lurker.tap.heard() >= 2;
        lurker.until(self.company.stage.bounds.message, what, heard).await?;
        let read = lurker.session.view(mpenc::Session::log_len);
        let blind = read == 0 && !self.has(EMIL, &secret)? && !self.has(EMIL, &renewed)?;
        let packets = lurker.tap.heard();
        self.check(
            blind,
            &format!("Emil got {packets} packets and could read none: not [8], not [9]"),
        )?;
        lurker.connection.cut();
        lurker.session.close();
        self.company.settled().await?;
        self.company.remember(lurker);
        self.tell("Emil gives up and goes.");
        Ok(())
    }

    async fn tunnel(&mut self) -> Result<(), Failure> {
        self.title("4. Cleo's connection breaks");
        let before = self.sent.len();
        self.company.depart(&self.who(CLEO)?, Departure::Drop).await?;
        self.tell("Cleo drops out without a word. The others notice and exclude her: new keys.");
        let missed = self.speaks(DORA, "Cleo's train must be in the tunnel.").await?;
        self.company.include(&self.who(ADA)?, &[self.who(CLEO)?]).await?;
        self.tell("Cleo comes back with the same identity key, and Ada includes her.");
        self.speaks(CLEO, "Back again. Long tunnel.").await?;
        let missing = !self.has(CLEO, &missed)?;
        self.check(missing, "Cleo cannot read [10], from while she was away")?;
        self.acknowledged(before).await
    }

    async fn farewell(&mut self) -> Result<(), Failure> {
        self.title("5. Dora parts");
        let before = self.sent.len();
        self.speaks(DORA, "I must go. Until tomorrow!").await?;
        self.company.all_acknowledged().await?;
        self.company.depart(&self.who(DORA)?, Departure::Part).await?;
        self.tell("Dora says farewell and leaves; the others exclude her: new keys.");
        self.speaks(BEN, "Until tomorrow.").await?;
        self.acknowledged(before).await?;

        self.title("The end");
        self.tell("All transcripts are now compared: everybody who could read a message must have");
        self.tell("it with the same words, author, readers and predecessors, and nobody else.");
        say_blank();
        Ok(())
    }
}

fn say_blank() {
    crate::term::say("");
}
