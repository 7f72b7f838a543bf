//! From where on earth.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Context, Listed, Verdict};
use crate::clock::Timestamp;

/// Databases of places are this far off; what is nearer is no journey.
const BLUR_KM: f64 = 100.0;
const EARTH_KM: f64 = 6371.0;

/// A country by its two letters (ISO 3166-1 alpha-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

impl FromStr for Country {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.as_bytes() {
            [a @ b'A'..=b'Z', b @ b'A'..=b'Z'] => Ok(Self([*a, *b])),
            _ => Err("a country is two capital letters"),
        }
    }
}

impl TryFrom<String> for Country {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.to_string()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

/// Where an address is, as far as a database says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    pub country: Option<Country>,
    pub point: Option<Point>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.city, self.country) {
            (Some(city), Some(country)) => write!(f, "{city}, {country}"),
            (Some(city), None) => f.write_str(city),
            (None, Some(country)) => country.fmt(f),
            (None, None) => f.write_str("somewhere"),
        }
    }
}

/// In degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub lat: f64,
    pub lon: f64,
}

impl Point {
    /// A point on earth.
    #[must_use]
    pub fn new(lat: f64, lon: f64) -> Option<Self> {
        let on_earth = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon);
        on_earth.then_some(Self { lat, lon })
    }

    /// Along a great circle, by the haversine formula.
    #[must_use]
    pub fn km_to(self, other: Self) -> f64 {
        let (a, b) = (self.lat.to_radians(), other.lat.to_radians());
        let half = |from: f64, to: f64| ((to - from) / 2.0).sin().powi(2);
        let lon = half(self.lon.to_radians(), other.lon.to_radians());
        let h = (a.cos() * b.cos()).mul_add(lon, half(a, b));
        2.0 * EARTH_KM * h.clamp(0.0, 1.0).sqrt().asin()
    }
}

/// A point and what is around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Around {
    pub point: Point,
    pub km: f64,
}

impl fmt::Display for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} km around {} {}", self.km, self.point.lat, self.point.lon)
    }
}

/// From which countries and points people may sign in, and how fast they travel.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceRule {
    pub countries: Vec<Country>,
    pub near: Vec<Around>,
    /// Nobody travels faster between two sign-ins.
    pub impossible_travel_kmh: Option<u32>,
    pub otherwise: Verdict,
}

impl PlaceRule {
    /// A place that is not known is none of those that are fine.
    pub(super) fn judge(&self, context: &Context) -> Verdict {
        let Some(place) = &context.place else { return self.otherwise };
        let open = self.countries.is_empty() && self.near.is_empty();
        let country = place.country.is_some_and(|country| self.countries.contains(&country));
        let near = |around: &Around| place.point.is_some_and(|point| around.point.km_to(point) <= around.km);
        let fine = open || country || self.near.iter().any(near);
        if fine && self.could_travel(context) { Verdict::Allow } else { self.otherwise }
    }

    fn could_travel(&self, context: &Context) -> bool {
        let (Some(limit), Some(seen)) = (self.impossible_travel_kmh, context.past.seen) else {
            return true;
        };
        let Some(point) = context.place.as_ref().and_then(|place| place.point) else { return false };
        let km = seen.point.km_to(point) - BLUR_KM;
        km <= 0.0 || km <= f64::from(limit) * hours(seen.at, context.at)
    }

    pub(super) fn saw(&self, context: &Context) -> String {
        let Some(place) = &context.place else { return "unknown".to_owned() };
        let travelled = context.past.seen.zip(place.point).filter(|_| self.impossible_travel_kmh.is_some());
        let Some((seen, point)) = travelled else { return place.to_string() };
        let (km, hours) = (seen.point.km_to(point), hours(seen.at, context.at));
        format!("{place}, {km:.0} km in {hours:.1} h")
    }
}

/// A clock that was set back makes no time for a journey.
fn hours(from: Timestamp, to: Timestamp) -> f64 {
    to.since(from).as_secs_f64() / 3600.0
}

impl fmt::Display for PlaceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "countries [{}], near [{}]", Listed(&self.countries), Listed(&self.near))?;
        if let Some(limit) = self.impossible_travel_kmh {
            write!(f, ", at most {limit} km/h")?;
        }
        write!(f, ", otherwise {}", self.otherwise.name())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Seen;
    use super::*;

    const BERLIN: Point = Point { lat: 52.52, lon: 13.405 };
    const POTSDAM: Point = Point { lat: 52.40, lon: 13.06 };
    const NEW_YORK: Point = Point { lat: 40.71, lon: -74.0 };

    fn context(place: Option<(&str, Option<Point>)>) -> Context {
        let mut context = Context::at([192, 0, 2, 1].into(), Timestamp::from_seconds(1_000_000));
        context.place =
            place.map(|(country, point)| Place { country: country.parse().ok(), point, city: None });
        context
    }

    fn rule() -> PlaceRule {
        PlaceRule {
            countries: Vec::new(),
            near: Vec::new(),
            impossible_travel_kmh: None,
            otherwise: Verdict::Deny,
        }
    }

    #[test]
    fn distances_are_those_of_a_globe() {
        assert!((BERLIN.km_to(NEW_YORK) - 6385.0).abs() < 15.0, "{}", BERLIN.km_to(NEW_YORK));
        assert!(BERLIN.km_to(BERLIN) < 0.001);
        let (east, west) = (Point { lat: 0.0, lon: 179.9 }, Point { lat: 0.0, lon: -179.9 });
        assert!((east.km_to(west) - 22.2).abs() < 0.2, "over the date line");
        let poles = Point { lat: 90.0, lon: 0.0 }.km_to(Point { lat: -90.0, lon: 55.0 });
        assert!((poles - 20_015.0).abs() < 2.0, "{poles}");
        assert!(Point::new(90.1, 0.0).is_none() && Point::new(f64::NAN, 0.0).is_none());
    }

    #[test]
    fn a_place_is_in_a_country_or_near_a_point() {
        let around = Around { point: BERLIN, km: 50.0 };
        let rule =
            PlaceRule { countries: vec!["FR".parse().expect("country")], near: vec![around], ..rule() };
        for (place, expected) in [
            (Some(("FR", None)), Verdict::Allow),
            (Some(("DE", Some(POTSDAM))), Verdict::Allow),
            (Some(("DE", None)), Verdict::Deny),
            (Some(("US", Some(NEW_YORK))), Verdict::Deny),
            // AD-03: what is not known is never skipped.
            (None, Verdict::Deny),
        ] {
            assert_eq!(rule.judge(&context(place)), expected, "{place:?}");
        }
        for wrong in ["de", "DEU", "D1", ""] {
            assert!(wrong.parse::<Country>().is_err());
        }
    }

    #[test]
    fn nobody_is_in_two_places_at_once() {
        let rule = PlaceRule { impossible_travel_kmh: Some(900), ..rule() };
        let at = |hours: i64, point| {
            let mut context = context(Some(("US", point)));
            context.past.seen =
                Some(Seen { at: Timestamp::from_seconds(1_000_000 - hours * 3600), point: BERLIN });
            rule.judge(&context)
        };
        // 6,385 km, of which 100 are blur, take just under seven hours.
        assert_eq!(at(6, Some(NEW_YORK)), Verdict::Deny);
        assert_eq!(at(7, Some(NEW_YORK)), Verdict::Allow);
        assert_eq!(at(0, Some(POTSDAM)), Verdict::Allow);
        // A clock that runs backwards, and a place without a point.
        assert_eq!(at(-8, Some(NEW_YORK)), Verdict::Deny);
        assert_eq!(at(100, None), Verdict::Deny);
        assert_eq!(rule.judge(&context(Some(("US", Some(NEW_YORK))))), Verdict::Allow, "never seen before");
    }
}
