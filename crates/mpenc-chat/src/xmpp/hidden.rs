//! A terminal that does not show what is typed.

#[cfg(unix)]
pub(super) use unix::Hidden;

#[cfg(not(unix))]
pub(super) use elsewhere::Hidden;

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io;
    use std::os::fd::AsFd;

    use rustix::termios::{
        LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr,
        tcsetattr,
    };

    /// Shows again what is typed when it is dropped, whatever the reason.
    #[derive(Debug)]
    pub(in crate::xmpp) struct Hidden {
        terminal: File,
        before: Termios,
        /// Nothing that was meant to be hidden is left in the terminal.
        finished: bool,
    }

    impl Hidden {
        /// From now on nothing appears, or this fails.
        ///
        /// # Errors
        ///
        /// If it is no terminal, or one that shows what it likes.
        pub(in crate::xmpp) fn begin(terminal: impl AsFd) -> io::Result<Self> {
            let terminal = File::from(terminal.as_fd().try_clone_to_owned()?);
            let before = tcgetattr(&terminal)?;
            let mut modes = before.clone();
            modes.local_modes.remove(SHOWING);
            // Line by line, with signals from the keyboard, however the terminal was left to us.
            modes.local_modes.insert(LocalModes::ICANON | LocalModes::ISIG);
            // Who is suspended cannot restore anything, and may wake up on a terminal that shows
            // what is typed. Zero is no key.
            modes.special_codes[SpecialCodeIndex::VSUSP] = 0;
            // From here on the drop restores it. What was typed already has been seen, and is
            // thrown away.
            let hidden = Self { terminal, before, finished: false };
            tcsetattr(&hidden.terminal, OptionalActions::Flush, &modes)?;
            // Success only means that something was changed.
            if tcgetattr(&hidden.terminal)?.local_modes.intersects(SHOWING) {
                return Err(io::Error::other("it shows what is typed"));
            }
            Ok(hidden)
        }

        /// The terminal, to be read without a buffer that nobody wipes.
        pub(in crate::xmpp) fn reader(&self) -> io::Result<File> {
            self.terminal.try_clone()
        }

        /// What is in the terminal now may be read by others.
        pub(in crate::xmpp) fn finish(mut self) {
            self.finished = true;
        }
    }

    impl Drop for Hidden {
        fn drop(&mut self) {
            // If it does not work, the terminal is gone.
            if !self.finished {
                // The beginning of a password would be seen, and go to the shell.
                let _ = tcflush(&self.terminal, QueueSelector::IFlush);
            }
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
        }
    }

    const SHOWING: LocalModes = LocalModes::ECHO.union(LocalModes::ECHONL);

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_is_no_terminal_hides_nothing() {
            let file = tempfile::tempfile().unwrap();
            assert!(Hidden::begin(&file).is_err());
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::fs::File;
    use std::io;

    /// Nobody has written it for this system.
    #[derive(Debug)]
    pub(in crate::xmpp) enum Hidden {}

    impl Hidden {
        pub(in crate::xmpp) fn begin(_: io::Stdin) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(in crate::xmpp) fn reader(&self) -> io::Result<File> {
            match *self {}
        }

        pub(in crate::xmpp) fn finish(self) {
            match self {}
        }
    }
}
