//! What can go wrong, how often, and what it may look like to a caller. All knobs are here.

/// What goes wrong with one call of the backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The transaction is aborted, for want of space. The connection lives.
    Quota,
    /// The same, and the connection dies with it.
    DiskFull,
    /// Every request succeeded, and then the transaction is aborted.
    LateAbort,
    /// The call throws before there is a transaction.
    Throw,
    /// The connection dies before the transaction does anything.
    LostBefore,
    /// The connection dies after the transaction is complete, and the answer with it.
    LostAfter,
    /// Another tab wants to upgrade or delete the database: this connection closes for good.
    VersionChange,
    /// Opening the database again takes longer than anyone waits, for so many calls.
    Blocked,
}

impl Fault {
    pub const ALL: [Self; 8] = [
        Self::Quota,
        Self::DiskFull,
        Self::LateAbort,
        Self::Throw,
        Self::LostBefore,
        Self::LostAfter,
        Self::VersionChange,
        Self::Blocked,
    ];

    /// Whether a call that only reads can meet it.
    fn hits_reads(self) -> bool {
        !matches!(self, Self::Quota | Self::DiskFull | Self::LateAbort)
    }
}

/// How a seed's world behaves: cases of a thousand, unless it says otherwise.
#[derive(Debug, Clone, Default)]
pub struct Odds {
    /// Of a call of the backend.
    pub faults: Vec<(Fault, u32)>,
    /// Of a connection that died: calls that still fail.
    pub dead_calls_max: u32,
    /// Of a moment in a seed's story: a tab crashes.
    pub crash: u32,
    /// A tab is frozen for a while.
    pub freeze: u32,
    /// A connection is lost while nothing is asked of it, or while transactions are under way.
    pub lose: u32,
    /// The storage is full for a while.
    pub full: u32,
    /// All tabs die at once.
    pub kill: u32,
    /// The power goes.
    pub power: u32,
}

impl Odds {
    /// A quiet world, one with a single kind of trouble, or one with everything.
    pub fn random(rng: &mut fastrand::Rng) -> Self {
        let mut odds = Self { dead_calls_max: rng.u32(0..3), ..Self::default() };
        let rate = [5, 20, 60][rng.usize(..3)];
        match rng.u32(..10) {
            0 => {}
            1..=4 => {
                // Some that are frequent enough to meet each other.
                for _ in 0..rng.usize(1..=2) {
                    odds.faults.push((Fault::ALL[rng.usize(..Fault::ALL.len())], rate));
                }
            }
            _ => odds.faults = Fault::ALL.map(|fault| (fault, rate / 4)).to_vec(),
        }
        // Closing for good ends a page, so it is rare.
        for (fault, rate) in &mut odds.faults {
            if *fault == Fault::VersionChange {
                *rate = (*rate / 10).max(1);
            }
        }
        if rng.bool() {
            odds.crash = 150;
        }
        for often in [&mut odds.freeze, &mut odds.lose, &mut odds.full] {
            if rng.u8(..3) == 0 {
                *often = 60;
            }
        }
        for rarely in [&mut odds.kill, &mut odds.power] {
            if rng.u8(..3) == 0 {
                *rarely = 40;
            }
        }
        odds
    }

    /// The fault of a call, if it has one.
    pub fn draw(&self, rng: &mut fastrand::Rng, writes: bool) -> Option<Fault> {
        for (fault, per_mille) in &self.faults {
            if (writes || fault.hits_reads()) && rng.u32(..1000) < *per_mille {
                return Some(*fault);
            }
        }
        None
    }
}
