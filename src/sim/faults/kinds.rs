//! Every kind of fault: its name, what it may hit, what can be said about it, and what it means.
use super::units::Unit;

/// What a fault does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // `KINDS` says what each means, in the words a user reads
pub enum Kind {
    Drop,
    Burst,
    Delay,
    Jitter,
    Reorder,
    Duplicate,
    Corrupt,
    WrongLength,
    HugeMessageId,
    MuteUdp,
    MuteAll,
    TcpReset,
    TcpClose,
    WrongVersion,
    ModelTooLarge,
    Reflex,
    UserStop,
}

/// What travels between robot and client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The robot's datagram of every millisecond.
    State,
    /// The client's datagram that fills the slot of the last state. What comes late, twice or unasked is none:
    /// it is lost anyway.
    Command,
    /// The robot's answer to a request over TCP, but for the one to Connect.
    Reply,
}

/// What can be said about a fault, `name=value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    P,
    N,
    Ms,
    For,
    Bytes,
    Offset,
    Length,
    Size,
    Version,
}

pub(super) const TARGETS: [(Target, &str); 3] =
    [(Target::State, "state"), (Target::Command, "command"), (Target::Reply, "reply")];

/// Key, its name, its unit, what it means.
pub(super) const KEYS: [(Key, &str, Unit, &str); 9] = [
    (Key::P, "p", Unit::Probability, "probability each time: 0.05 or 5%"),
    (Key::N, "n", Unit::Count { max: 1e9 }, "how many times; for burst how many in a row"),
    (Key::Ms, "ms", Unit::Delay, "how long it is held back (jitter: at most): 0.6 or 0.6ms"),
    (Key::For, "for", Unit::Time, "how long it goes on: 1.3s or 200ms"),
    (Key::Bytes, "bytes", Unit::Count { max: 65536.0 }, "how many bytes are changed"),
    (Key::Offset, "offset", Unit::Index { max: 65536.0 }, "the first byte that is changed; else any"),
    (Key::Length, "length", Unit::Index { max: 4000.0 }, "the new length in bytes; else one too few"),
    (Key::Size, "size", Unit::Size, "size of the answer: 300kB or 2MB"),
    (Key::Version, "version", Unit::Index { max: 65535.0 }, "the protocol version the robot claims"),
];

/// A kind of fault, as `--fault help` tells it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    /// What it may hit, the default first; nothing where there is no choice.
    pub(super) targets: &'static [Target],
    pub(super) keys: &'static [Key],
    /// What `name=value` gives.
    pub(super) main: Option<Key>,
    /// Whether it happens once unless `n` says more.
    pub(super) once: bool,
    pub(super) meaning: &'static str,
    pub(super) example: &'static str,
}

const ALL: &[Target] = &[Target::State, Target::Command, Target::Reply];
const DATAGRAMS: &[Target] = &[Target::State, Target::Command];

const fn on(
    kind: Kind,
    name: &'static str,
    targets: &'static [Target],
    keys: &'static [Key],
    [meaning, example]: [&'static str; 2],
) -> Entry {
    Entry { kind, name, targets, keys, main: None, once: false, meaning, example }
}

const fn once(
    kind: Kind,
    name: &'static str,
    keys: &'static [Key],
    [meaning, example]: [&'static str; 2],
) -> Entry {
    Entry { kind, name, targets: &[], keys, main: None, once: true, meaning, example }
}

const fn main(key: Key, entry: Entry) -> Entry {
    Entry { main: Some(key), ..entry }
}

/// All kinds, in the order of [`Kind`].
pub(super) const KINDS: [Entry; 17] = {
    use Key::{Bytes, For, Length, Ms, N, Offset, P, Size, Version};
    [
        main(P, on(Kind::Drop, "drop", ALL, &[P, N, For], ["lost", "drop:state:p=5%"])),
        main(
            N,
            on(
                Kind::Burst,
                "burst",
                DATAGRAMS,
                &[N, P, For],
                ["n in a row are lost", "burst:command:n=15@3s"],
            ),
        ),
        main(
            Ms,
            on(
                Kind::Delay,
                "delay",
                ALL,
                &[Ms, P, N, For],
                ["held back; newer ones may overtake it", "delay:state:ms=0.6:p=0.1"],
            ),
        ),
        main(
            Ms,
            on(
                Kind::Jitter,
                "jitter",
                DATAGRAMS,
                &[Ms, P, N, For],
                ["held back for a random time up to ms", "jitter:command:ms=0.3"],
            ),
        ),
        main(
            P,
            on(
                Kind::Reorder,
                "reorder",
                DATAGRAMS,
                &[P, N, For],
                ["comes after the next one", "reorder:state:p=1%"],
            ),
        ),
        main(
            P,
            on(Kind::Duplicate, "duplicate", ALL, &[P, N, For], ["comes twice", "duplicate:command:p=1%"]),
        ),
        main(
            Bytes,
            on(
                Kind::Corrupt,
                "corrupt",
                ALL,
                &[Bytes, Offset, P, N, For],
                ["some of its bytes are wrong", "corrupt:state:bytes=3:p=0.1%"],
            ),
        ),
        main(
            Length,
            on(
                Kind::WrongLength,
                "wrong-length",
                ALL,
                &[Length, P, N, For],
                ["cut or padded with zeros", "wrong-length:state:length=100@2s"],
            ),
        ),
        once(
            Kind::HugeMessageId,
            "huge-message-id",
            &[N, P],
            ["a state with the largest message_id there is", "huge-message-id@2s"],
        ),
        once(
            Kind::MuteUdp,
            "mute-udp",
            &[For, N, P],
            ["no state leaves, no command is heard; TCP answers", "mute-udp@2s:for=1.3s"],
        ),
        once(
            Kind::MuteAll,
            "mute-all",
            &[For, N, P],
            ["the same, and no request is answered", "mute-all@2s"],
        ),
        once(Kind::TcpReset, "tcp-reset", &[N, P], ["the connection is reset", "tcp-reset@motion+0.5s"]),
        once(Kind::TcpClose, "tcp-close", &[N, P], ["the connection is closed", "tcp-close@2s"]),
        main(
            Version,
            once(
                Kind::WrongVersion,
                "wrong-version",
                &[Version, N, P],
                ["a Connect is refused: the robot speaks another version", "wrong-version:version=4"],
            ),
        ),
        main(
            Size,
            Entry {
                once: false,
                ..once(
                    Kind::ModelTooLarge,
                    "model-too-large",
                    &[Size, N, P],
                    ["the model library is sent with zeros behind it", "model-too-large:size=300kB"],
                )
            },
        ),
        once(
            Kind::Reflex,
            "reflex",
            &[N, P],
            ["the robot stops with this error, by the name libfranka prints", "reflex=cartesian_reflex@2s"],
        ),
        once(Kind::UserStop, "user-stop", &[For, N, P], ["the user stop is pressed", "user-stop@2s:for=1s"]),
    ]
};

impl Kind {
    pub(super) fn entry(self) -> &'static Entry {
        &KINDS[self as usize]
    }

    /// Its name in a specification.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// All kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|entry| entry.kind)
    }

    /// An example of it in a specification.
    pub fn example(self) -> &'static str {
        self.entry().example
    }
}

impl Target {
    /// Its name in a specification.
    pub fn name(self) -> &'static str {
        TARGETS[self as usize].1
    }
}

impl Key {
    pub(super) fn name(self) -> &'static str {
        KEYS[self as usize].1
    }

    pub(super) fn unit(self) -> Unit {
        KEYS[self as usize].2
    }
}

/// All of it for a person: kinds with meaning and example, keys, times.
pub fn help() -> String {
    let mut text =
        "A fault is KIND[:TARGET][:KEY=VALUE]...[@TIME]; several may be given. Kinds:\n".to_owned();
    for entry in &KINDS {
        let targets: Vec<&str> = entry.targets.iter().map(|target| target.name()).collect();
        let keys: Vec<&str> = entry.keys.iter().map(|key| key.name()).collect();
        text += &format!("  {:<16} {}\n", entry.name, entry.meaning);
        let hits = if targets.is_empty() { String::new() } else { format!("hits {}; ", targets.join("|")) };
        text += &format!("  {:<16} {hits}takes {}; example: {}\n", "", keys.join(" "), entry.example);
    }
    text += "\nTargets: state when none is named. Keys:\n";
    for (_, name, _, meaning) in &KEYS {
        text += &format!("  {name:<16} {meaning}\n");
    }
    text += "  every-client     happens anew to each client, not once in the simulator's life\n\n\
        Times count the robot's milliseconds:\n  \
        @2s              since the client connected (wrong-version: since the simulator started)\n  \
        @motion+0.5s     since the client's first motion began, that is its first command\n  \
        none             at once; and for a fault ordered later, @ counts from the order at the earliest\n\n\
        Without p it happens every time; drop, reorder, duplicate, corrupt and wrong-length with a time and neither\n\
        p, n nor for, and burst without p, happen once; so do the kinds from huge-message-id on, but for\n\
        model-too-large, unless n says more. p of mute, tcp, reflex and user-stop is per millisecond.\n\
        The same --seed gives the same faults; in lockstep a motion then repeats bit for bit, and a delay counts\n\
        in datagrams: held back until that many newer ones (ms, rounded up) have been answered.";
    text
}
