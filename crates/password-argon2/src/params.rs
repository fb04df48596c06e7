use argon2::Params;
use session_core::InvalidInput;

/// What a hash costs: the same for whoever guesses at a stolen one.
///
/// Never less than [`Argon2Params::default`], the least that OWASP's password storage cheat sheet
/// names; and never so much that one login is felt by all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Params {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Argon2Params {
    /// Least memory, in KiB: 19 MiB.
    pub const LEAST_MEMORY_KIB: u32 = 19_456;
    /// Most memory, in KiB: 256 MiB. No stored hash that asks for more is carried out.
    pub const MOST_MEMORY_KIB: u32 = 262_144;
    /// Fewest passes over the memory.
    pub const LEAST_PASSES: u32 = 2;
    /// Most passes over the memory. No stored hash that asks for more is carried out.
    pub const MOST_PASSES: u32 = 10;
    /// Most lanes. No stored hash that asks for more is carried out.
    pub const MOST_LANES: u32 = 16;

    /// Hashes that take `memory_kib` KiB (m), `passes` over it (t), and `lanes` (p).
    ///
    /// Lanes are computed one after the other here: more of them cost the server no less, and help
    /// only those who have a core for each.
    ///
    /// # Errors
    /// [`InvalidInput`] for `password_hash_memory`, `password_hash_passes` or `password_hash_lanes`
    /// when it is out of bounds.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, InvalidInput> {
        let within = |field, value, least, most| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            let problem = format_args!("must be from {least} to {most}");
            Err(InvalidInput::new(field, problem))
        };
        within(
            "password_hash_memory",
            memory_kib,
            Self::LEAST_MEMORY_KIB,
            Self::MOST_MEMORY_KIB,
        )?;
        within(
            "password_hash_passes",
            passes,
            Self::LEAST_PASSES,
            Self::MOST_PASSES,
        )?;
        within("password_hash_lanes", lanes, 1, Self::MOST_LANES)?;
        Ok(Self {
            memory_kib,
            passes,
            lanes,
        })
    }

    /// Memory of one hash, in KiB.
    #[must_use]
    pub const fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// How often the memory is gone over.
    #[must_use]
    pub const fn passes(&self) -> u32 {
        self.passes
    }

    /// Into how many lanes the memory is cut.
    #[must_use]
    pub const fn lanes(&self) -> u32 {
        self.lanes
    }

    /// Whether a stored hash asks for more than any hash may cost.
    pub(crate) fn are_exceeded_by(stored: &Params) -> bool {
        stored.m_cost() > Self::MOST_MEMORY_KIB
            || stored.t_cost() > Self::MOST_PASSES
            || stored.p_cost() > Self::MOST_LANES
    }

    /// Whether a stored hash has less of anything.
    pub(crate) fn exceed(&self, stored: &Params) -> bool {
        stored.m_cost() < self.memory_kib
            || stored.t_cost() < self.passes
            || stored.p_cost() < self.lanes
    }

    pub(crate) fn to_argon2(self) -> Result<Params, argon2::Error> {
        Params::new(self.memory_kib, self.passes, self.lanes, None)
    }
}

impl Default for Argon2Params {
    fn default() -> Self {
        Self {
            memory_kib: Self::LEAST_MEMORY_KIB,
            passes: Self::LEAST_PASSES,
            lanes: 1,
        }
    }
}
