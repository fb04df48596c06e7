use crate::uuid_v7::uuid_v7;

uuid_v7! {
    /// Public handle of a session: a UUIDv7 (RFC 9562 §5.7).
    ///
    /// Safe in lists, logs and audit. It proves nothing: proof is the [`SessionSecret`] beside it in a
    /// [`SessionToken`]. Ids sort by the time of creation, so the smallest id of a user is the session
    /// least recently created.
    ///
    /// [`SessionSecret`]: crate::SessionSecret
    /// [`SessionToken`]: crate::SessionToken
    SessionId
}
