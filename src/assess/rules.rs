//! The table of rules: what adds how many points.

use std::time::Duration;

use super::night::Night;
use super::words_for;
use crate::domain::Sighting;

/// One reason with its points.
pub type Contribution = (String, i32);

/// What an object is worth by itself. Low is 0 to 29, so nothing is medium only
/// for being there.
const VEHICLES: [&str; 5] = ["car", "truck", "bus", "motorcycle", "bicycle"];
const PERSON_POINTS: i32 = 25;
const VEHICLE_POINTS: i32 = 15;
const OTHER_POINTS: i32 = 5;

/// How long a person may stay before it counts, longest first.
const LINGERING: [(Duration, i32); 4] = [
    (Duration::from_secs(180), 35),
    (Duration::from_secs(60), 25),
    (Duration::from_secs(30), 15),
    (Duration::from_secs(10), 5),
];

/// The first zone an object enters, and each of at most two more.
const ZONE_POINTS: i32 = 20;
const MORE_ZONE_POINTS: i32 = 5;
const MORE_ZONES_MAX: usize = 2;

/// So many persons at once are a group.
const GROUP: usize = 4;
const GROUP_POINTS: i32 = 5;

/// Below this best score the object may be something else.
const UNSURE: f32 = 0.5;
const UNSURE_POINTS: i32 = -5;

/// A vehicle that stands is parked.
const PARKED_POINTS: i32 = -10;

/// So many of a class within a day are routine at this camera.
const ROUTINE: usize = 20;
const ROUTINE_POINTS: i32 = -5;
/// The first of its class for a day is not.
const FIRST_POINTS: i32 = 5;

/// A person while people sleep.
const NIGHT_POINTS: i32 = 10;

/// All rules that apply to a sighting, in the order of the table.
pub fn contributions(sighting: &Sighting<'_>, night: Option<&Night>) -> Vec<Contribution> {
    let mut list = vec![object(sighting)];
    list.extend(lingering(sighting));
    list.extend(zones(sighting));
    list.extend(circumstances(sighting));
    list.extend(recurrence(sighting));
    list.extend(at_night(sighting, night));
    list
}

fn is_person(sighting: &Sighting<'_>) -> bool {
    sighting.label.as_str() == "person"
}

fn is_vehicle(sighting: &Sighting<'_>) -> bool {
    VEHICLES.contains(&sighting.label.as_str())
}

fn object(sighting: &Sighting<'_>) -> Contribution {
    let points = match () {
        () if is_person(sighting) => PERSON_POINTS,
        () if is_vehicle(sighting) => VEHICLE_POINTS,
        () => OTHER_POINTS,
    };
    (sighting.label.to_string(), points)
}

fn lingering(sighting: &Sighting<'_>) -> Option<Contribution> {
    let (_, points) = LINGERING.into_iter().find(|(least, _)| sighting.dwell >= *least)?;
    is_person(sighting).then(|| (format!("stayed {}", words_for(sighting.dwell)), points))
}

fn zones(sighting: &Sighting<'_>) -> Vec<Contribution> {
    let Some((first, more)) = sighting.zones.split_first() else { return Vec::new() };
    let mut list = vec![(format!("in zone {first}"), ZONE_POINTS)];
    let more = more.iter().take(MORE_ZONES_MAX);
    list.extend(more.map(|zone| (format!("in zone {zone}"), MORE_ZONE_POINTS)));
    list
}

fn recurrence(sighting: &Sighting<'_>) -> Option<Contribution> {
    let label = sighting.label.as_str();
    match sighting.seen_within_day? {
        0 => Some((format!("first {label} here for a day"), FIRST_POINTS)),
        ROUTINE.. => Some((format!("{label} often here"), ROUTINE_POINTS)),
        _ => None,
    }
}

fn at_night(sighting: &Sighting<'_>, night: Option<&Night>) -> Option<Contribution> {
    let time = night?.time_at(sighting.at?)?;
    is_person(sighting).then(|| (format!("at night ({time})"), NIGHT_POINTS))
}

fn circumstances(sighting: &Sighting<'_>) -> Vec<Contribution> {
    let rules = [
        (
            is_person(sighting) && sighting.persons_present >= GROUP,
            "in a group".to_owned(),
            GROUP_POINTS,
        ),
        (is_vehicle(sighting) && sighting.is_stationary, "parked".to_owned(), PARKED_POINTS),
        (sighting.confidence < UNSURE, "not quite sure".to_owned(), UNSURE_POINTS),
    ];
    rules
        .into_iter()
        .filter(|(applies, ..)| *applies)
        .map(|(_, reason, points)| (reason, points))
        .collect()
}
