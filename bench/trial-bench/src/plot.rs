//! The picture: applications per second over connections, for the service and its ceilings on both databases.

use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::results::{ClosedLevel, ClosedRound, Results, of_rounds};
use crate::services::Database;

const SIZE: (u32, u32) = (960, 420);

/// One line.
#[derive(Debug, PartialEq)]
struct Curve {
    name: String,
    points: Vec<(f64, f64)>,
    style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Style {
    Service(usize),
    Ceiling(usize),
}

/// Draws it into a file.
pub(crate) fn draw(results: &Results, path: &Path) -> anyhow::Result<()> {
    let levels = &results.closed.as_ref().context("nothing was measured in a closed loop")?.levels;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(refused)?;
        let databases: Vec<_> =
            [Database::Sqlite, Database::Postgres].into_iter().filter(|database| has(levels, *database)).collect();
        for (area, database) in root.split_evenly((1, databases.len().max(1))).iter().zip(databases) {
            chart(area, database, &curves(levels, database))?;
        }
        root.present().map_err(refused)?;
    }
    fs::write(path, svg).with_context(|| format!("cannot write {}", path.display()))
}

fn has(levels: &[ClosedLevel], database: Database) -> bool {
    levels.iter().any(|level| level.database == database)
}

fn refused(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw: {error}")
}

fn chart(area: &DrawingArea<SVGBackend<'_>, Shift>, database: Database, curves: &[Curve]) -> anyhow::Result<()> {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let most = points().map(|(_, rate)| *rate).fold(1.0, f64::max);
    let (first, last) = points().fold((f64::MAX, 1.0_f64), |(first, last), (at, _)| (first.min(*at), last.max(*at)));
    let mut chart = ChartBuilder::on(area)
        .caption(format!("{database}: applications/s over connections"), ("sans-serif", 16))
        .margin(10)
        .margin_right(24)
        .x_label_area_size(30)
        .y_label_area_size(55)
        .build_cartesian_2d((first..last.max(first * 2.0)).log_scale().base(2.0), 0.0..most * 1.35)
        .map_err(refused)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_label_formatter(&|at| format!("{at:.0}"))
        .y_label_formatter(&|rate| format!("{rate:.0}"))
        .draw()
        .map_err(refused)?;
    for curve in curves {
        let style = curve.style.shape();
        let line: Box<dyn Fn() -> LineSeries<_, _>> =
            Box::new(|| LineSeries::new(curve.points.clone(), style).point_size(2));
        chart
            .draw_series(line())
            .map_err(refused)?
            .label(curve.name.as_str())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .draw()
        .map_err(refused)
}

impl Style {
    fn shape(self) -> ShapeStyle {
        const SERVICES: [RGBColor; 3] = [RGBColor(31, 95, 191), RGBColor(15, 140, 120), RGBColor(120, 60, 170)];
        const CEILINGS: [RGBColor; 3] = [RGBColor(230, 140, 20), RGBColor(200, 70, 60), RGBColor(130, 130, 130)];
        match self {
            Self::Service(place) => SERVICES[place % SERVICES.len()].stroke_width(2),
            Self::Ceiling(place) => CEILINGS[place % CEILINGS.len()].stroke_width(1),
        }
    }
}

/// The lines of one database, without the empty endpoint: beside it, the others could not be distinguished.
fn curves(levels: &[ClosedLevel], database: Database) -> Vec<Curve> {
    let levels: Vec<_> = levels.iter().filter(|level| level.database == database).collect();
    let mut instances: Vec<_> = levels.iter().map(|level| level.instances).collect();
    instances.sort_unstable();
    instances.dedup();
    let of = |instances, pick: &dyn Fn(&ClosedRound) -> Option<f64>| -> Vec<(f64, f64)> {
        let levels = levels.iter().filter(|level| level.instances == instances);
        levels.filter_map(|level| Some((real(level.connections), of_rounds(&level.rounds, pick)?))).collect()
    };
    let services = instances.iter().enumerate().map(|(place, &number)| Curve {
        name: if number == 1 { "service".to_owned() } else { format!("service, {number} instances") },
        points: of(number, &|round| Some(round.service.per_second)),
        style: Style::Service(place),
    });
    // Ceilings are the same for any number of instances.
    let first = instances.first().copied().unwrap_or_default();
    let bare = [64, 256].into_iter().enumerate().map(|(place, batch)| Curve {
        name: format!("bare diesel, {batch} in a commit"),
        points: of(first, &|round| Some(round.ceilings.of_batch(batch)?.per_second)),
        style: Style::Ceiling(place),
    });
    let function = Curve {
        name: "one transaction each, 64 clients".to_owned(),
        points: flat(&of(first, &|round| round.ceilings.function), &levels),
        style: Style::Ceiling(2),
    };
    services.chain(bare).chain([function]).filter(|curve| !curve.points.is_empty()).collect()
}

/// The rate of the first point, drawn from the first level to the last.
fn flat(points: &[(f64, f64)], levels: &[&ClosedLevel]) -> Vec<(f64, f64)> {
    let Some((_, rate)) = points.first() else { return Vec::new() };
    let at = |level: Option<&usize>| level.map(|connections| (real(*connections), *rate));
    let connections: Vec<_> = levels.iter().map(|level| level.connections).collect();
    at(connections.iter().min()).into_iter().chain(at(connections.iter().max())).collect()
}

#[expect(clippy::cast_precision_loss, reason = "connections are far below 2^53")]
fn real(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ceilings::Bare;
    use crate::loads::Load;
    use crate::results::{Ceilings, Section};

    fn level(database: Database, instances: usize, connections: usize, per_second: f64) -> ClosedLevel {
        let service = Load { done: 9, refused: 0, per_second, p50: 1.0, p99: 2.0, p999: 3.0, longest: 4.0 };
        let bare = vec![Bare { batch: 64, per_second: 9_000.0, p50: 1.0, p99: 2.0 }];
        let function = (database == Database::Postgres && connections == 64).then_some(900.0);
        let ceilings = Ceilings { empty: None, bare, function };
        let rounds = vec![ClosedRound { service, resident_mib: 40, ceilings }];
        ClosedLevel { database, instances, connections, rounds }
    }

    fn levels() -> Vec<ClosedLevel> {
        vec![
            level(Database::Sqlite, 1, 1, 1_000.0),
            level(Database::Sqlite, 1, 64, 5_000.0),
            level(Database::Postgres, 1, 1, 700.0),
            level(Database::Postgres, 2, 1, 600.0),
            level(Database::Postgres, 1, 64, 4_000.0),
            level(Database::Postgres, 2, 64, 4_500.0),
        ]
    }

    #[test]
    fn a_curve_has_the_levels_of_its_instances() {
        let curves = curves(&levels(), Database::Postgres);
        let points = |name: &str| &curves.iter().find(|curve| curve.name == name).unwrap().points[..];
        assert_eq!(points("service"), [(1.0, 700.0), (64.0, 4_000.0)]);
        assert_eq!(points("service, 2 instances"), [(1.0, 600.0), (64.0, 4_500.0)]);
        assert_eq!(points("bare diesel, 64 in a commit"), [(1.0, 9_000.0), (64.0, 9_000.0)]);
        assert_eq!(points("one transaction each, 64 clients"), [(1.0, 900.0), (64.0, 900.0)]);
        assert_eq!(curves.len(), 4);
    }

    #[test]
    fn a_picture_is_drawn_without_fonts_of_the_machine() {
        let directory = std::env::temp_dir().join(format!("trial-bench-plot-{}", std::process::id()));
        let machine = serde_json::from_str(
            r#"{"date":"","command":"","cores":2,"processor":"","memory_gib":1,"kernel":"","fdatasync_p50":0.1,
                "rustc":"","sqlite":"","postgres":null,"settings":null}"#,
        );
        let closed = Some(Section { machine: machine.unwrap(), levels: levels() });
        draw(&Results { closed, ..Results::default() }, &directory).unwrap();
        let svg = fs::read_to_string(&directory).unwrap();
        fs::remove_file(&directory).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("PostgreSQL") && svg.contains("service, 2 instances"));
    }
}
