//! Policies as written.

use crate::config::document::Node;
use crate::config::error::Problems;
use crate::config::meant::{Challenge, FirstFactor, SecondFactor};
use crate::config::period::Period;
use crate::config::read::{self, At, Field, Keys, Need, Read, Shape, section, words};
use crate::factor::Method;
use crate::factor::passkey::{SuspectedClone, UserVerification};
use crate::policy::Verdict;
use crate::policy::rule::Condition;

section! {
    /// What must be proved at sign-in.
    Policy {
        /// `password`; `magic_link`, which is mailed to the verified address; `passkey`; or `any` of them, and a
        /// phone that is signed in can let another browser in by a QR code too.
        first_factor: FirstFactor = Default("password"),
        /// When more is asked for than the first factor: `never`, `if_enrolled` (from people who have enrolled an
        /// authenticator app), `required` (others enrol one when they sign in).
        second_factor: SecondFactor = Default("if_enrolled"),
        /// Whether a passkey as the second factor must check a PIN or a finger: `required`, `preferred`,
        /// `discouraged`. As the first factor it always must, or it would be one thing in place of a password.
        user_verification: UserVerification = Default("preferred"),
        /// What comes of a passkey whose signature counter did not grow, so that there may be a copy of it: `refuse`, or
        /// `challenge`, where it says who somebody is and another second factor proves it.
        suspected_clone: SuspectedClone = Default("refuse"),
        /// With `required`: how long after their account was made people may put off enrolling one.
        grace: Period = Optional("7d"),
        /// With `required`: the day before which everybody may put it off.
        required_from: String = Optional("\"2026-12-01\""),
        /// Conditions on where and when.
        adaptive: Adaptive = Default("{}"),
    }
}

words! { FirstFactor { "password" = Self::Password, "magic_link" = Self::MagicLink, "passkey" = Self::Passkey, "any" = Self::Any, } }
words! { SecondFactor { "never" = Self::Never, "if_enrolled" = Self::IfEnrolled, "required" = Self::Required, } }

section! {
    /// Conditions on where, when and with what; of several the strictest counts.
    Adaptive {
        /// What a condition does that is not met, unless it says otherwise itself: `allow`, `challenge` (a second
        /// factor that is enrolled already), `deny`.
        action: Verdict = Default("deny"),
        /// What answers a challenge: `second_factor` (whichever the person has), or names of methods as in
        /// `factors`, the first to ask for first.
        challenge: Vec<At<Challenge>> = Default("[second_factor]"),
        /// From where.
        network: Network = Optional("{ allow: [203.0.113.0/24], otherwise: challenge }"),
        /// With which devices.
        devices: Devices = Optional("{ register: true, max: 3, exceeded: deny, registered_skips: [network] }"),
        /// From which places; needs `geo`.
        place: Places = Optional("{ countries: [DE, FR], impossible_travel_kmh: 900 }"),
        /// When.
        time: TimeWindows = Optional("{ zone: Europe/Berlin, windows: [{ days: mon-fri, from: \"07:00\", to: \"20:00\" }] }"),
        /// What is unlike the person. Their first sign-in is like them.
        behaviour: Behaviour = Optional("{ new_device: challenge, new_country: deny, absent_for: 90d }"),
        /// Who is told.
        alerts: Alerts = Default("{}"),
    }
}

/// A second factor of the person's choice, or a method by its name.
impl Read for Challenge {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut words = vec![("second_factor", Self::SecondFactor)];
        words.extend(Method::ALL.iter().map(|method| (method.name(), Self::Method(*method))));
        read::word(node, &words, problems)
    }
}

section! {
    /// Devices that people have registered as theirs.
    Devices {
        /// People are asked whether to trust the browser in which they have just proved who they are.
        register: bool = Default("false"),
        /// Devices that one person may register.
        max: u32 = Optional("3"),
        /// What signing in with one more does: `allow`, `challenge`, `deny`.
        exceeded: Verdict = Default("deny"),
        /// Write to the person about one more.
        alert_user: bool = Default("true"),
        /// Conditions that a registered device need not meet: `network` (but for its `deny`), `place`, `time`,
        /// `behaviour`.
        registered_skips: Vec<At<Condition>> = Default("[]"),
    }
}

words! {
    Condition {
        "network" = Self::Network,
        "place" = Self::Place,
        "time" = Self::Time,
        "behaviour" = Self::Behaviour,
    }
}

section! {
    /// From which places people may sign in: from one of the countries or near one of the points.
    Places {
        /// Two letters each.
        countries: Vec<At<String>> = Default("[]"),
        /// Points and what is around them.
        near: Vec<At<Near>> = Default("[]"),
        /// Nobody can travel faster between two sign-ins.
        impossible_travel_kmh: u32 = Optional("900"),
        /// From every other place, and from addresses whose place is not known; `action` unless given.
        otherwise: Verdict = Optional("challenge"),
    }
}

section! {
    /// A point and what is around it.
    Near {
        /// Degrees north.
        lat: Degrees = Required("52.5"),
        /// Degrees east.
        lon: Degrees = Required("13.4"),
        /// Kilometres around it.
        km: u32 = Required("100"),
    }
}

/// A number with or without a fraction.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Degrees(pub(in crate::config) f64);

impl Read for Degrees {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        read::fraction(node, problems).map(Self)
    }
}

section! {
    /// What is unlike the person; a change that is not listed does not matter.
    Behaviour {
        /// They have never signed in with this browser.
        new_device: Verdict = Optional("challenge"),
        /// They have never signed in from this country; needs `geo`.
        new_country: Verdict = Optional("challenge"),
        /// They have never signed in from this network: a /24 of IPv4, a /48 of IPv6.
        new_network: Verdict = Optional("allow"),
        /// They have not signed in for this long.
        absent_for: Period = Optional("90d"),
        /// What such an absence does; `action` unless given.
        otherwise: Verdict = Optional("challenge"),
    }
}

section! {
    /// Who is told of odd sign-ins by mail.
    Alerts {
        /// The person, of a sign-in with a new device or from a new country.
        user: bool = Default("false"),
        /// These addresses, of that and of sign-ins that were refused.
        admins: Vec<At<String>> = Default("[]"),
    }
}

section! {
    /// From where people may sign in.
    Network {
        /// Networks from where it is fine; without any, everywhere but `deny`.
        allow: Vec<At<String>> = Default("[]"),
        /// Networks from where nobody gets in.
        deny: Vec<At<String>> = Default("[]"),
        /// For every other address; `action` unless given.
        otherwise: Verdict = Optional("challenge"),
    }
}

section! {
    /// When people may sign in.
    TimeWindows {
        /// Time zone, as in the IANA database.
        zone: String = Required("Europe/Berlin"),
        /// Hours on days; one that ends before it begins goes on into the next day.
        windows: Vec<At<Window>> = Required("[{ days: mon-fri, from: \"07:00\", to: \"20:00\" }]"),
        /// Days without a window, such as `2026-12-25`.
        off: Vec<At<String>> = Default("[]"),
        /// At every other time; `action` unless given.
        otherwise: Verdict = Optional("deny"),
    }
}

section! {
    /// Hours on days.
    Window {
        /// Days or ranges of days: `mon-fri`, `sat,sun`.
        days: String = Default("mon-sun"),
        /// Hours and minutes.
        from: String = Required("\"07:00\""),
        /// Not in it any more.
        to: String = Required("\"20:00\""),
    }
}

words! {
    UserVerification {
        "required" = Self::Required,
        "preferred" = Self::Preferred,
        "discouraged" = Self::Discouraged,
    }
}
words! { SuspectedClone { "refuse" = Self::Refuse, "challenge" = Self::Challenge, } }
words! { Verdict { "allow" = Self::Allow, "challenge" = Self::Challenge, "deny" = Self::Deny, } }
